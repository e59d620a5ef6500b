import type { Instant } from '../../contract/time.ts';
import type { ServerClock } from '../shared/server-clock.ts';
import type { Context } from './context.ts';

/** How often the server's clock is asked for: milliseconds. */
const SYNC_EVERY = 10_000;

/** Keeps the clock by the primary's. What fails is tried again: until then time goes by the monotonic clock. */
export function createTimeKeeper(
	{ db, clock }: Pick<Context, 'db' | 'clock'>,
	serverClock: ServerClock | undefined,
): { start(): Promise<void>; stop(): void } {
	let cancel: (() => void) | null = null;

	const ask = async (): Promise<Instant> => {
		const timeOf = async (command: string): Promise<Instant> => {
			const answer = await db.run(async () => db.db().command({ [command]: 1 }));
			return (answer['localTime'] as Date).getTime();
		};
		// The older name, for servers of the protocol that know no other.
		return timeOf('hello').catch(async () => timeOf('isMaster'));
	};

	const again = (): void => {
		cancel = clock.after(SYNC_EVERY, () => {
			serverClock
				?.sync(ask)
				.catch(() => undefined)
				.finally(() => {
					if (cancel !== null) again();
				});
		});
	};

	return {
		async start() {
			if (serverClock === undefined) return;
			await serverClock.sync(ask);
			again();
		},
		stop() {
			cancel?.();
			cancel = null;
		},
	};
}
