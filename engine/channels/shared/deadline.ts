import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { Duration } from '../../contract/time.ts';

/** The time of one attempt: it ends with the outer signal, when all of it is used, or after silence. */
export interface Deadline {
	readonly signal: AbortSignal;
	/** Something moved: the silence begins anew. */
	progress(): void;
	/** Frees timers and listeners. */
	end(): void;
}

/** Bytes a second that an attempt gets time for, beyond its timeout. */
const SLOWEST_PACE = 1_000_000;

/**
 * An attempt without progress ends after `timeout`, any attempt after `timeout` plus the time that its bytes
 * take at 1 MB/s. For small bodies the two are one, and cost one timer.
 */
export function createDeadline(
	clock: Clock,
	{ signal, timeout, size }: { signal: AbortSignal; timeout: Duration; size: number },
): Deadline {
	const controller = new AbortController();
	const onAbort = (): void => {
		controller.abort(
			signal.reason instanceof CapError
				? signal.reason
				: new CapError('CANCELLED', 'the attempt was cancelled', { retry: 'later' }),
		);
	};
	const expire = (what: string, after: Duration) => (): void => {
		const message = `${what} within ${Math.round(after)} ms`;
		controller.abort(new CapError('TIMEOUT', message, { retry: 'later' }));
	};
	const silent = expire('nothing moved', timeout);
	let cancelSilence = clock.after(timeout, silent);
	const total = timeout + (size / SLOWEST_PACE) * 1000;
	const cancelTotal =
		size > SLOWEST_PACE ? clock.after(total, expire('not done', total)) : () => undefined;
	if (signal.aborted) onAbort();
	else signal.addEventListener('abort', onAbort, { once: true });
	return {
		signal: controller.signal,
		progress() {
			if (size <= SLOWEST_PACE) return;
			cancelSilence();
			cancelSilence = clock.after(timeout, silent);
		},
		end() {
			cancelSilence();
			cancelTotal();
			signal.removeEventListener('abort', onAbort);
		},
	};
}
