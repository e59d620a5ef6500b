import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Milliseconds between looks; what counts is the time since the last one. */
const LOOK_EVERY = 10_000;
/** The share of a core up to which an engine rests: with 100,000 schedules that are not due it takes 0.005. */
const RESTING = 0.02;
/** Bytes of room for short-lived objects from which on giving it back is worth the collection. */
const WORTH = 8_000_000;
/** Milliseconds that must be free before the next thing is due: the collection takes 0.3 s of processor time. */
const FREE = 3000;

/** What the process did since the last look, and what it holds. */
export interface Look {
	/** Milliseconds, and the processor time of all threads within them. */
	elapsed: number;
	cpu: number;
	/** Bytes that V8 keeps for short-lived objects, whether or not any are there. */
	young: number;
}

export function isWorthIt({ elapsed, cpu, young }: Look): boolean {
	return cpu <= elapsed * RESTING && young >= WORTH;
}

/**
 * While there is nothing to do, memory for short-lived objects goes back to the system. Loading the modules makes V8
 * grow it to all that `--max-semi-space-size` allows, twice 16 MB, and only work that allocates makes it smaller again:
 * an engine that rests would hold it for good. It grows again with the work that comes.
 * @param free milliseconds until something is due
 * @param every milliseconds between looks; they keep no process alive
 * @returns ends the looking
 */
export function giveBackWhileResting(free: () => Promise<number>, every = LOOK_EVERY): () => void {
	let at = performance.now();
	let before = process.cpuUsage();
	let asking = false;
	const timer = setInterval(() => {
		const now = performance.now();
		const elapsed = now - at;
		const { user, system } = process.cpuUsage(before);
		const young = youngBytes();
		at = now;
		before = process.cpuUsage();
		if (asking || !isWorthIt({ elapsed, cpu: (user + system) / 1000, young })) return;
		asking = true;
		void free()
			.then(
				(milliseconds) => {
					if (milliseconds >= FREE) giveBack();
				},
				// a store that is away is told of elsewhere; there is another look
				() => undefined,
			)
			.finally(() => {
				asking = false;
			});
	}, every);
	timer.unref();
	return () => {
		clearInterval(timer);
	};
}

export function youngBytes(): number {
	const spaces = getHeapSpaceStatistics();
	return spaces.find(({ space_name: name }) => name === 'new_space')?.physical_space_size ?? 0;
}

let collect: ((options: object) => void) | null = null;

/** The one collection that shrinks the room for short-lived objects at once; it holds everything else up meanwhile. */
export function giveBack(): void {
	if (collect === null) {
		// known to contexts that are made from now on, and to no code but this; where V8 has none, nothing is given back
		setFlagsFromString('--expose-gc');
		collect = runInNewContext('globalThis.gc') as typeof collect;
		setFlagsFromString('--no-expose-gc');
	}
	collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
