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
	/** Aborts an attempt of this engine, when the run was cancelled or finished elsewhere. */
	abortAttempt(id: RunId, reason: 'cancelled' | 'fenced'): void;
	onAbort(listener: (id: RunId, reason: 'cancelled' | 'fenced') => void): () => void;
}

export function createWake(): Wake {
	const pokes = new Set<() => void>();
	const ends = new Map<RunId, Set<() => void>>();
	const aborts = new Set<(id: RunId, reason: 'cancelled' | 'fenced') => void>();
	return {
		poke() {
			for (const listener of pokes) listener();
		},
		onPoke(listener) {
			pokes.add(listener);
			return () => pokes.delete(listener);
		},
		runEnded(id) {
			const listeners = ends.get(id);
			if (listeners === undefined) return;
			ends.delete(id);
			for (const listener of listeners) listener();
		},
		onRunEnd(id, listener) {
			const listeners = ends.get(id) ?? new Set();
			ends.set(id, listeners.add(listener));
			return () => {
				listeners.delete(listener);
				if (listeners.size === 0 && ends.get(id) === listeners) ends.delete(id);
			};
		},
		abortAttempt(id, reason) {
			for (const listener of aborts) listener(id, reason);
		},
		onAbort(listener) {
			aborts.add(listener);
			return () => aborts.delete(listener);
		},
	};
}
