import type { DeliverySettlement, RunSettlement } from '../../engine/contract/change.ts';
import type { ArtifactRecord } from '../../engine/contract/result.ts';
import type { Timing } from '../../engine/contract/timing.ts';
import type { Run } from '../../engine/contract/run.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import type { Records, TestClock } from '../support/store-records.ts';
import { claimEvents, ENGINE, event, sha256, T0, TENANT } from '../support/store-records.ts';
import { fire } from './store-occur.ts';
import type { Bench } from './store.ts';

const MINUTE = 60_000;

/** What a store looks like after a while: at least one record of each kind, in each state that waits for something. */
export async function fillStore(
	{ store, records, clock }: Bench,
	{ sealed = 'v1.k1.a.b.c' }: { /** What stands where a secret is kept. */ sealed?: string } = {},
): Promise<void> {
	await fillRegisters(store, records, sealed);
	const spec = records.spec({
		notify: [{ key: '0', url: 'https://example.org/', sealedSecret: sealed, on: ['failed'] }],
	});
	await fillSchedules(store, records, spec);
	clock.at = T0 + MINUTE;
	await store.occur(clock.at, 1, (due) => fire({ store, records, clock }, due));
	await fillRuns(store, records, clock, { spec, sealed });
}

async function fillRegisters(store: Store, records: Records, sealed: string): Promise<void> {
	await store.putKey(
		{
			id: records.newId('key'),
			tenant: TENANT,
			name: 'reports',
			hash: sha256('key'),
			scopes: ['runs:read'],
			capabilities: ['reports'],
			createdAt: T0,
			expiresAt: T0 + 1e9,
		},
		[event('key.created', { keyId: 'key_x' })],
		{ tenant: TENANT, key: 'idem', fingerprint: 'f', expiresAt: T0 + 1e8, response: sealed },
	);
	await store.putCapability(
		{
			tenant: TENANT,
			name: 'reports',
			title: 'Berichte „ü“ \u{1F600}',
			actions: { daily: { parameters: { type: 'object', '1': 0.1, $ref: 'a.b' } } },
			binding: {
				type: 'http',
				settings: { url: 'https://example.org/' },
				sealed: { token: sealed },
			},
			createdAt: T0,
			updatedAt: T0,
		},
		{ events: [event('capability.registered', { capability: 'reports' })] },
	);
	for (const [tenant, name] of [
		[TENANT, 'crm'],
		['acme', 'crm'],
	] as const) {
		await store.createDestination(
			{
				id: records.newId('destination'),
				tenant,
				name,
				channel: 'webhook',
				settings: { url: 'https://example.org/' },
				sealed: { secret: sealed },
				enabled: true,
				disabledReason: null,
				rules: { limits: { parallel: 2 } },
				revision: 1,
				createdAt: T0,
				updatedAt: T0,
			},
			[event('destination.created', { destination: name }, tenant)],
		);
	}
	await store.putShared(
		{
			tenant: TENANT,
			key: 'circuit:dst_a',
			value: { failures: 3, at: [1, 2] },
			dueAt: T0 + 5,
			keepUntil: T0 + 1e8,
		},
		{ expected: 0, events: [] },
	);
	await store.putShared(
		{ tenant: '*', key: 'engine:eng_gone', value: {}, dueAt: null, keepUntil: T0 + 1e8 },
		{ expected: 0, events: [] },
	);
}

async function fillSchedules(
	store: Store,
	records: Records,
	spec: ReturnType<Records['spec']>,
): Promise<void> {
	const calendar = {
		id: records.newId('calendar'),
		tenant: TENANT,
		name: 'closed',
		title: null,
		version: 1,
		weekend: [0, 6],
		days: [{ date: '2027-01-06', name: 'Epiphany' }],
		knownFrom: '2026-01-01',
		knownUntil: '2037-12-31',
		source: { kind: 'days' as const },
		createdAt: T0,
	};
	await store.createCalendar(calendar, []);
	await store.replaceCalendar({ ...calendar, version: 2, days: [], createdAt: T0 + 1 }, []);
	const timing: Timing = {
		kind: 'every',
		every: MINUTE,
		anchor: T0,
		timeZone: 'UTC',
		exclude: [{ calendar: calendar.id, rule: 'skip' }],
	};
	const calendars = new Map([[calendar.id, { ...calendar, version: 2 }]]);
	const schedule = records.schedule({ specId: spec.id, name: 'Daily', timing, labels: { a: 'b' } });
	await store.createSchedule({
		schedule,
		spec,
		timerAt: schedule.dueAt,
		calendars,
		events: [event('schedule.created', { scheduleId: schedule.id })],
	});
	const paused = records.schedule({ specId: spec.id, state: 'paused', pauseReason: 'by_user' });
	await store.createSchedule({ schedule: paused, spec, timerAt: null, events: [] });
}

async function fillRuns(
	store: Store,
	records: Records,
	clock: TestClock,
	{ spec, sealed }: { spec: ReturnType<Records['spec']>; sealed: string },
): Promise<void> {
	const keyed = { serialKey: 's', specId: spec.id };
	const limited = { concurrencyKey: 'c', concurrencyLimit: 1, specId: spec.id };
	const runs = [
		records.run(keyed),
		records.run(keyed),
		records.run(limited),
		records.run({ ...limited, priority: 5 }),
		records.run({ specId: spec.id, priority: -3 }),
		records.run({ specId: spec.id, readyAt: T0 + 1e6 }),
		records.run({ specId: spec.id, slaDueAt: T0 + 2e6, slaState: 'pending' }),
	];
	await store.addRuns({ runs, specs: [spec], settle: [], events: [] });
	const claimed = await store.claimRuns(
		{ now: clock.now(), limit: 3, owner: ENGINE, leaseUntil: clock.now() + 30_000 },
		claimEvents,
	);
	const [first, second] = claimed as [Run, Run, Run];
	await succeed(store, records, first, sealed);
	await store.settleRuns([
		records.change(second, 'retrying', {
			set: { state: 'retrying', owner: null, leaseUntil: null, readyAt: T0 + 7000 },
			timer: { name: 'run.retry', at: T0 + 7000 },
		}),
	]);
}

/** With a large result, an artifact, deliveries in several states, a notification and a link. */
async function succeed(store: Store, records: Records, run: Run, sealed: string): Promise<void> {
	const large = Buffer.alloc(100_000, 7);
	const staged = await store.blobs.stage(large, { maxBytes: 1e6 });
	const success = records.success(run);
	const record = { ...success.result!.record, blob: staged.ref, encoding: 'bytes' as const };
	const target = { ...records.delivery(run).target, sealed: { secret: sealed } };
	const artifact = {
		sha256: sha256('rendered'),
		size: 8,
		contentType: 'text/csv',
		filename: 'x.csv',
	};
	const dead = records.delivery(run, {
		targetKey: '1',
		target: { ...target, key: '1' },
		state: 'dead',
		endedAt: T0,
		error: { code: 'TARGET_UNREACHABLE', message: 'no' },
	});
	const settlement: RunSettlement = {
		...success,
		set: { ...success.set, resultId: record.id },
		result: { record, inline: null },
		deliveries: [records.delivery(run, { target, priority: 4, dueAt: T0 + 9_000 }), dead],
		notifications: [
			records.notification(run, { sealedUrl: sealed, sealedBody: sealed, dueAt: T0 + 8_000 }),
		],
		links: [records.link({ ...run, resultId: record.id }, { maxUses: 3 })],
	};
	await store.settleRuns([settlement]);
	const rendered: ArtifactRecord = {
		tenant: TENANT,
		resultId: record.id,
		rendering: sha256('csv'),
		format: 'csv',
		contentType: 'text/csv',
		extension: 'csv',
		blob: { sha256: artifact.sha256, size: artifact.size },
		notices: [{ code: 'rows_truncated', message: 'm' } as never],
		createdAt: T0,
	};
	const [claimed] = await store.claimDeliveries(
		{ now: T0 + 10_000, limit: 1, owner: ENGINE, leaseUntil: T0 + 40_000 },
		claimEvents,
	);
	if (claimed === undefined) throw new Error('no delivery to claim');
	const failed: DeliverySettlement = {
		deliveryId: claimed.id,
		tenant: claimed.tenant,
		from: ['sending'],
		epoch: claimed.epoch,
		set: {
			state: 'failed',
			owner: null,
			leaseUntil: null,
			dueAt: T0 + 60_000,
			artifact,
			error: { code: 'TARGET_UNREACHABLE', message: 'no' },
		},
		artifact: { record: rendered, inline: Buffer.from('rendered') },
		attempt: {
			deliveryId: claimed.id,
			epoch: claimed.epoch,
			attempt: claimed.attempt,
			startedAt: T0,
			endedAt: T0 + 5,
			outcome: 'failed',
			error: null,
		},
		events: [event('delivery.failed', { deliveryId: claimed.id })],
	};
	await store.settleDeliveries([failed]);
}
