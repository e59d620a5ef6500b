import type { Clock } from '../../clock.ts';
import type { RunId } from '../../contract/ids.ts';
import type { Signal } from '../shared/signal.ts';
import type { Database, Session } from './database.ts';
import type { Gathered } from './transaction.ts';

/** How long signals are gathered: a busy engine wakes the others this often at most. Milliseconds. */
const GATHER = 20;
const RECONNECT = 1_000;
/** PostgreSQL takes 8,000 bytes in a message. */
const MOST_IDS = 100;
const MOST_TENANTS = 50;

interface Message {
	by: string;
	work: boolean;
	tenants: string[];
	ended: RunId[];
	cancelled: RunId[];
}

/**
 * Tells other engines of commits by NOTIFY, and hears of theirs by LISTEN, on a connection of its own. Sent after the
 * commit and not in it: notifications in a transaction make PostgreSQL commit one such transaction after
 * another. A server behind a pooler that gives a connection for one transaction only cannot LISTEN: then engines
 * find each other's work by looking, every few seconds at the latest.
 */
export function createSignals(options: {
	db: Pick<Database, 'connect' | 'get'>;
	clock: Clock;
	channel: string;
	/** Names this engine, so that it does not wake itself. */
	by: string;
	heard: (signal: Signal) => void;
}): { send(gathered: Gathered): void; open(): void; close(): Promise<void> } {
	const { db, clock, channel, by, heard } = options;
	let session: Session | null = null;
	let connecting: Promise<void> | null = null;
	let closed = true;
	let cancelRetry: (() => void) | null = null;
	let pending: Message | null = null;
	let cancelSend: (() => void) | null = null;

	async function listen(): Promise<void> {
		let on: Session | null = null;
		try {
			on = await db.connect();
			on.onNotification(hear);
			const opened = on;
			on.onLost(() => {
				if (session === opened) session = null;
				retry();
			});
			await on.exec(`LISTEN ${channel}`);
			session = on;
			if (closed) await on.close();
			// Whatever was told while nobody listened.
			else heard({ work: true, tenants: new Set(), ended: [], cancelled: [] });
		} catch {
			// One that cannot LISTEN but is open would be one connection more at every retry.
			await on?.close();
			retry();
		} finally {
			connecting = null;
		}
	}

	function retry(): void {
		if (closed || cancelRetry !== null) return;
		cancelRetry = clock.after(RECONNECT, () => {
			cancelRetry = null;
			if (!closed) connecting ??= listen();
		});
	}

	function hear(payload: string): void {
		let message: Message;
		try {
			message = JSON.parse(payload) as Message;
		} catch {
			return;
		}
		if (message.by === by) return;
		const { work, tenants, ended, cancelled } = message;
		heard({ work, tenants: new Set(tenants), ended, cancelled });
	}

	function flush(): void {
		cancelSend = null;
		const message = pending;
		pending = null;
		if (message === null) return;
		db.get('SELECT pg_notify($1, $2)', [channel, JSON.stringify(message)]).catch(() => undefined);
	}

	return {
		send(gathered) {
			const more = messageOf(gathered);
			if (more === null) return;
			pending ??= { by, work: false, tenants: [], ended: [], cancelled: [] };
			pending.work ||= more.work;
			pending.tenants = [...new Set([...pending.tenants, ...more.tenants])].slice(0, MOST_TENANTS);
			pending.ended = [...pending.ended, ...more.ended].slice(0, MOST_IDS);
			pending.cancelled = [...pending.cancelled, ...more.cancelled].slice(0, MOST_IDS);
			cancelSend ??= clock.after(GATHER, flush);
		},
		open() {
			closed = false;
			connecting ??= listen();
		},
		async close() {
			closed = true;
			cancelRetry?.();
			cancelSend?.();
			await connecting;
			await session?.close();
			session = null;
		},
	};
}

const WORK = new Set(['run|queued', 'delivery|pending', 'delivery|failed']);
const ENDS = new Set(['run.succeeded', 'run.failed', 'run.cancelled', 'run.expired']);

function messageOf({ events, tallies, timers }: Gathered): Omit<Message, 'by'> | null {
	if (events.length === 0 && tallies.size === 0 && timers.size === 0) return null;
	const isWork = ([key, count]: [string, number]): boolean => {
		const [kind, , state] = key.split('|');
		return count > 0 && WORK.has(`${kind}|${state}`);
	};
	const ended = events.filter(({ type }) => ENDS.has(type));
	const idsOf = (of: typeof ended): RunId[] =>
		of.flatMap(({ subject }) => (subject['runId'] as RunId | undefined) ?? []);
	return {
		work:
			[...tallies].some(isWork) ||
			[...timers.values()].some(({ at }) => at !== null) ||
			ended.length > 0,
		tenants: [...new Set(events.map(({ tenant }) => tenant))],
		ended: idsOf(ended),
		cancelled: idsOf(ended.filter(({ type }) => type === 'run.cancelled')),
	};
}
