import type { Instant } from '../../contract/time.ts';
import type { Finding } from '../store.port.ts';
import type { CollectionName } from './database.ts';
import type { Fields } from './documents.ts';

const RUN_STATES = ['queued', 'running', 'waiting', 'retrying'];
const OVER = ['succeeded', 'failed', 'cancelled', 'expired'];

/** Something that should not be: the documents that the filter finds, when `late` is the instant before which it is. */
interface Check extends Pick<Finding, 'severity' | 'code' | 'message'> {
	in: CollectionName;
	where: (late: Instant) => Fields;
}

export const CHECKS: readonly Check[] = [
	{
		severity: 'notice',
		code: 'SCHEDULE_OVERDUE',
		message: 'active schedules are more than a minute late; expected while no engine runs',
		in: 'schedules',
		where: (late) => ({ state: 'active', dueAt: { $lt: late, $gt: 0 } }),
	},
	{
		severity: 'problem',
		code: 'SCHEDULE_IMPOSSIBLE',
		message: 'schedules are in a state that does not exist, or are active without a next instant',
		in: 'schedules',
		where: () => ({
			$or: [
				{ state: { $nin: ['active', 'paused', 'completed', 'deleted'] } },
				{ state: 'active', nextAt: null },
				{ state: 'active', dueAt: null },
			],
		}),
	},
	{
		severity: 'notice',
		code: 'RUN_BACKLOG',
		message: 'queued runs could have begun more than a minute ago',
		in: 'runs',
		where: (late) => ({ ready: { $lt: late } }),
	},
	{
		severity: 'problem',
		code: 'RUN_STUCK',
		message: 'running runs whose lease ended long ago; the sweeper takes them over',
		in: 'runs',
		where: (late) => ({
			state: 'running',
			$or: [{ leaseUntil: null }, { leaseUntil: { $lt: late } }],
		}),
	},
	{
		severity: 'problem',
		code: 'RUN_WAITS_FOR_EVER',
		message: 'waiting runs without a deadline, or with one that passed long ago',
		in: 'runs',
		where: (late) => ({
			state: 'waiting',
			held: false,
			$or: [{ deadlineAt: null }, { deadlineAt: { $lt: late } }],
		}),
	},
	{
		severity: 'notice',
		code: 'RUN_HELD',
		message: 'runs are held for an operator after an unknown outcome',
		in: 'runs',
		where: () => ({ state: 'waiting', held: true }),
	},
	{
		severity: 'problem',
		code: 'RUN_IMPOSSIBLE',
		message: 'runs contradict themselves: an unknown state, an end without an ended state',
		in: 'runs',
		where: () => ({
			$or: [
				{ state: { $nin: [...RUN_STATES, ...OVER] } },
				{ state: { $in: OVER }, endedAt: null },
				{ state: { $in: OVER }, open: true },
				{ state: { $in: RUN_STATES }, endedAt: { $gt: 0 } },
				{ state: { $in: RUN_STATES }, open: null },
				{ state: 'running', owner: null },
				{ state: { $ne: 'running' }, owner: { $gt: '' } },
				{ state: 'succeeded', resultId: null },
				{ state: { $ne: 'succeeded' }, resultId: { $gt: '' } },
				{ state: 'queued', ready: null, wait: null, blocked: null },
			],
		}),
	},
	{
		severity: 'notice',
		code: 'SLA_OVERDUE',
		message: 'runs whose SLA ended more than a minute ago and is not settled yet',
		in: 'runs',
		where: (late) => ({ sla: { $lt: late } }),
	},
	{
		severity: 'problem',
		code: 'DELIVERY_STUCK',
		message: 'deliveries are being sent under a lease that ended long ago',
		in: 'deliveries',
		where: (late) => ({
			state: 'sending',
			$or: [{ leaseUntil: null }, { leaseUntil: { $lt: late } }],
		}),
	},
	{
		severity: 'notice',
		code: 'DELIVERY_DEAD',
		message: 'deliveries are dead letters; they can be replayed',
		in: 'deliveries',
		where: () => ({ state: 'dead' }),
	},
	{
		severity: 'problem',
		code: 'NOTIFICATION_STUCK',
		message: 'notifications are being sent under a lease that ended long ago',
		in: 'notifications',
		where: (late) => ({
			state: 'sending',
			$or: [{ leaseUntil: null }, { leaseUntil: { $lt: late } }],
		}),
	},
	...(['deliveries', 'notifications'] as const).map((name): Check => ({
		severity: 'notice',
		code: 'FOLLOW_UP_OVERDUE',
		message: `${name} are more than a minute late`,
		in: name,
		where: (late) => ({ due: { $lt: late } }),
	})),
	...(['runs', 'schedules', 'deliveries', 'notifications', 'idempotency', 'journal'] as const).map(
		(name): Check => ({
			severity: 'notice',
			code: 'WRITE_UNFINISHED',
			message: `writes of ${name} whose consequences are not carried out; the sweeper does it`,
			in: name,
			where: (late) => ({ 'outbox.at': { $lt: late } }),
		}),
	),
];

/** A document of `in` whose field names a document of `of` that is not there. */
export interface Reference extends Pick<Finding, 'code' | 'message'> {
	in: CollectionName;
	field: string;
	of: CollectionName;
	where?: Fields;
}

const ORPHAN = 'documents of runs that do not exist';
export const REFERENCES: readonly Reference[] = [
	{
		code: 'SCHEDULE_IMPOSSIBLE',
		message: 'schedules without a spec',
		in: 'schedules',
		field: 'specId',
		of: 'specs',
	},
	{
		code: 'RUN_IMPOSSIBLE',
		message: 'runs without a spec',
		in: 'runs',
		field: 'specId',
		of: 'specs',
	},
	{
		code: 'RESULT_WITHOUT_BYTES',
		message: 'results whose bytes are missing',
		in: 'results',
		field: 'sha256',
		of: 'blobs',
	},
	{
		code: 'RESULT_WITHOUT_BYTES',
		message: 'artifacts whose bytes are missing',
		in: 'artifacts',
		field: 'sha256',
		of: 'blobs',
	},
	...(['deliveries', 'notifications', 'links'] as const).map((name): Reference => ({
		code: 'ORPHAN',
		message: ORPHAN,
		in: name,
		field: 'runId',
		of: 'runs',
	})),
];
