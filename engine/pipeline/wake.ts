import type { RunId } from '../contract/ids.ts';

/**
 * Signals within this process: "there may be work" and "this run has ended". Never the truth: who waits
 * looks into the store when called, and loops also look by themselves from time to time.
 */
export interface Wake {
	/** There may be runs, deliveries, notifications to claim or timers that are due earlier. */
	poke(): void;
	onPoke(listener: () => void): () => void;
	runEnded(id: RunId): void;
	/** Calls once when the run ends; the result forgets the listener. */
	onRunEnd(id: RunId, listener: () => void): () => void;
	/** Its deliveries are all settled. */
	runDelivered(id: RunId): void;
	/** Calls once when they are; the result forgets the listener. */
	onRunDelivered(id: RunId, listener: () => void): () => void;
	/** Aborts an attempt of this engine, when the run was cancelled or finished elsewhere. */
	abortAttempt(id: RunId, reason: 'cancelled' | 'fenced'): void;
	onAbort(listener: (id: RunId, reason: 'cancelled' | 'fenced') => void): () => void;
}

export function createWake(): Wake {
	const pokes = new Set<() => void>();
	const ends = onceEach();
	const deliveries = onceEach();
	const aborts = new Set<(id: RunId, reason: 'cancelled' | 'fenced') => void>();
	return {
		poke() {
			for (const listener of pokes) listener();
		},
		onPoke(listener) {
			pokes.add(listener);
			return () => pokes.delete(listener);
		},
		runEnded: ends.tell,
		onRunEnd: ends.listen,
		runDelivered: deliveries.tell,
		onRunDelivered: deliveries.listen,
		abortAttempt(id, reason) {
			for (const listener of aborts) listener(id, reason);
		},
		onAbort(listener) {
			aborts.add(listener);
			return () => aborts.delete(listener);
		},
	};
}

/** What another engine has done may be work here, or the end of what somebody waits for here. */
export function heedSignal(
	wake: Wake,
	{
		work,
		ended,
		cancelled,
	}: { work: boolean; ended: readonly RunId[]; cancelled: readonly RunId[] },
): void {
	for (const id of cancelled) wake.abortAttempt(id, 'cancelled');
	for (const id of ended) wake.runEnded(id);
	if (work) wake.poke();
}

/** Listeners of one moment in the life of a run, each called once. */
function onceEach(): {
	tell: (id: RunId) => void;
	listen: (id: RunId, listener: () => void) => () => void;
} {
	const all = new Map<RunId, Set<() => void>>();
	return {
		tell(id) {
			const listeners = all.get(id);
			if (listeners === undefined) return;
			all.delete(id);
			for (const listener of listeners) listener();
		},
		listen(id, listener) {
			const listeners = all.get(id) ?? new Set();
			all.set(id, listeners.add(listener));
			return () => {
				listeners.delete(listener);
				if (listeners.size === 0 && all.get(id) === listeners) all.delete(id);
			};
		},
	};
}
