import type { EventDraft } from '../../contract/event.ts';
import type { RunId } from '../../contract/ids.ts';
import type { Duration } from '../../contract/time.ts';
import type { Signal } from '../shared/signal.ts';
import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import type { WatchSource } from './watch-source.ts';

/** How often the log is looked at while there is no change stream: milliseconds. */
const LOOK_EVERY: Duration = 250;
/** Batches may become visible this much later than their instant says: milliseconds. */
const LATE: Duration = 1_000;
/** How many of the batches seen last are remembered. */
const REMEMBERED = 5_000;
/** A stream that is lost is opened again after so long, and after twice as long each time that this fails. */
const AGAIN: Duration = 1_000;
const AGAIN_AT_MOST: Duration = 60_000;

/** The events of a write come before what follows from it: who looked at once may have been too early. Milliseconds. */
const ECHOES: readonly Duration[] = [50, 500];

/**
 * Brings word of what other engines wrote, by their events: through a change stream where the server has them (a
 * replica set or a sharded cluster), and by looking while there is none. Nothing depends on it but how soon somebody
 * hears.
 */
export interface Watch {
	start(): void;
	stop(): Promise<void>;
}

export interface WatchOptions extends Pick<Context, 'clock' | 'onFault'> {
	source: WatchSource;
	/** Called with what others appended. */
	heard: (signal: Signal) => void;
}

export function createWatch({ clock, onFault, source, heard }: WatchOptions): Watch {
	let stream: ReturnType<WatchSource['follow']> | null = null;
	let following = false;
	let stopped = true;
	let pause = AGAIN;
	/** What went wrong is told when it begins, not at each try. */
	const told = new Set<'stream' | 'look'>();
	let cancelLook: (() => void) | null = null;
	let cancelFollow: (() => void) | null = null;
	let looking: Promise<void> = Promise.resolve();
	const seen = new Set<string>();
	const echoes = new Map<Duration, () => void>();

	function tellOnce(what: 'stream' | 'look', error: unknown): void {
		if (stopped || told.has(what)) return;
		told.add(what);
		onFault({ where: 'watch', id: what === 'stream' ? 'change stream' : 'events', error });
	}

	function hear(docs: readonly Doc[]): void {
		const fresh = docs.filter(({ _id }) => !seen.has(_id));
		for (const { _id } of fresh) seen.add(_id);
		for (const id of seen) {
			if (seen.size <= REMEMBERED) break;
			seen.delete(id);
		}
		if (fresh.length === 0) return;
		const signal = signalOf(fresh);
		heard(signal);
		if (signal.work) for (const wait of ECHOES) echo(wait);
	}

	/** One for all that is heard until then. */
	function echo(wait: Duration): void {
		if (echoes.has(wait)) return;
		const cancel = clock.after(wait, () => {
			echoes.delete(wait);
			heard({ work: true, tenants: new Set(), ended: [], cancelled: [] });
		});
		echoes.set(wait, cancel);
	}

	function follow(): void {
		cancelFollow = null;
		if (stopped) return;
		stream = source.follow({
			opened() {
				following = true;
				pause = AGAIN;
				told.delete('stream');
				cancelLook?.();
				cancelLook = null;
				// What came between the last look and now.
				lookOnce();
			},
			heard(doc) {
				hear([doc]);
			},
			// A server without an oplog, or one that has dropped what came next, or a network that is gone.
			lost(error) {
				stream = null;
				following = false;
				if (!source.hasNone(error)) tellOnce('stream', error);
				lookLater();
				if (stopped) return;
				cancelFollow = clock.after(pause, follow);
				pause = Math.min(pause * 2, AGAIN_AT_MOST);
			},
		});
	}

	function lookLater(): void {
		if (stopped || following || cancelLook !== null) return;
		cancelLook = clock.after(LOOK_EVERY, () => {
			cancelLook = null;
			lookOnce();
		});
	}

	function lookOnce(): void {
		looking = look().finally(lookLater);
	}

	async function look(): Promise<void> {
		try {
			hear(await source.since(clock.now() - LATE));
			told.delete('look');
		} catch (error) {
			tellOnce('look', error);
		}
	}

	return {
		start() {
			stopped = false;
			follow();
			// Until the stream is open.
			lookLater();
		},
		async stop() {
			stopped = true;
			cancelLook?.();
			cancelFollow?.();
			for (const cancel of echoes.values()) cancel();
			echoes.clear();
			const open = stream;
			stream = null;
			await open?.close().catch(() => undefined);
			await looking;
		},
	};
}

/** After these there is nothing to claim that was not there before, and no timer is due earlier. */
const NO_WORK: ReadonlySet<EventDraft['type']> = new Set([
	'run.running',
	'run.progress',
	'delivery.sending',
	'delivery.delivered',
	'delivery.skipped',
	'notification.sending',
	'notification.delivered',
	'notification.dead',
	'sla.met',
	'sla.missed',
	'artifact.limited',
	'link.created',
	'link.revoked',
	'key.created',
	'key.revoked',
]);
const ENDS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.expired'];

function signalOf(docs: readonly Doc[]): Signal {
	const tenants = new Set<string>();
	const ended: RunId[] = [];
	const cancelled: RunId[] = [];
	let work = false;
	for (const doc of docs) {
		tenants.add(doc['tenant'] as string);
		for (const { type, subject } of JSON.parse(doc['items'] as string) as EventDraft[]) {
			work ||= !NO_WORK.has(type);
			const id = subject['runId'] as RunId | undefined;
			if (id === undefined || !ENDS.includes(type)) continue;
			ended.push(id);
			if (type === 'run.cancelled') cancelled.push(id);
		}
	}
	return { work, tenants, ended, cancelled };
}
