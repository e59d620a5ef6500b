import type { Clock } from '../../clock.ts';
import type { Duration } from '../../contract/time.ts';
import type { Database } from './database.ts';

/**
 * A clock that follows the server's. Engines whose own clocks differ decide about leases and due instants by one
 * time: that of the primary, as far off as half a round trip. Measured when the store opens and every half minute;
 * of several measures the one with the shortest round trip counts.
 */
export interface ServerClock extends Clock {
	/** Of the server's time to the engine's own. */
	readonly offset: Duration;
	/** Once the database is open. @throws what the database throws */
	start(database: Database): Promise<void>;
	stop(): void;
}

const MEASURE_EVERY = 30_000;
const MEASURES = 5;
/** Below this the round trip says more than the clocks. */
const SMALLEST = 5;

export function createServerClock(own: Clock): ServerClock {
	let offset = 0;
	let cancel: () => void = () => undefined;
	let last = 0;

	async function measure(database: Database): Promise<void> {
		let best = { trip: Infinity, offset: 0 };
		for (let n = 0; n < MEASURES; n++) {
			const began = own.monotonic();
			const at = own.now();
			const server = await serverTime(database);
			const trip = own.monotonic() - began;
			if (trip < best.trip) best = { trip, offset: server - (at + trip / 2) };
		}
		const change = Math.abs(best.offset - offset);
		if (change > Math.max(SMALLEST, best.trip)) offset = Math.round(best.offset);
	}

	function again(database: Database): void {
		cancel = own.after(MEASURE_EVERY, () => {
			measure(database)
				// The next will do; a server that is away is noticed elsewhere.
				.catch(() => undefined)
				.finally(() => {
					again(database);
				});
		});
	}

	return {
		get offset() {
			return offset;
		},
		/** Never goes back: what was due stays so. A correction backwards stands still until it has passed. */
		now() {
			last = Math.max(last, own.now() + offset);
			return last;
		},
		monotonic: () => own.monotonic(),
		after: (delay, call) => own.after(delay, call),
		async start(database) {
			await measure(database);
			again(database);
		},
		stop() {
			cancel();
		},
	};
}

async function serverTime(database: Database): Promise<number> {
	const ask = async (command: string): Promise<number> => {
		const answer = await database.run(async () => database.db().command({ [command]: 1 }));
		return (answer['localTime'] as Date).getTime();
	};
	// The older name, for servers of the protocol that know no other.
	return ask('hello').catch(async () => ask('isMaster'));
}
