import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { Duration } from '../../contract/time.ts';

/** The time of one attempt: it ends with the outer signal, when all of it is used, or after silence. */
export interface Deadline {
	readonly signal: AbortSignal;
	/** Something moved: the silence begins anew. */
	progress(this: void): void;
	/** Nothing can move, for what is waited for is no byte: there is no silence until the next progress. */
	rest(this: void): void;
	/** Frees timers and listeners. */
	end(): void;
}

/**
 * `timeout` bounds the whole attempt, however much moves; the caller has scaled it to the size. `silence`
 * bounds the time without progress; where it is no shorter than `timeout` there is one timer.
 */
export function createDeadline(
	clock: Clock,
	{ signal, timeout, silence }: { signal: AbortSignal; timeout: Duration; silence: Duration },
): Deadline {
	const controller = new AbortController();
	const onAbort = (): void => {
		controller.abort(
			signal.reason instanceof CapError
				? signal.reason
				: new CapError('CANCELLED', 'the attempt was cancelled', { retry: 'later' }),
		);
	};
	const expire = (message: string) => (): void => {
		controller.abort(new CapError('TIMEOUT', message, { retry: 'later' }));
	};
	const patient = timeout <= silence;
	const silent = expire(`nothing moved for ${silence} ms`);
	const cancelTotal = clock.after(timeout, expire(`not done within ${timeout} ms`));
	let cancelSilence: () => void = patient ? () => undefined : clock.after(silence, silent);
	if (signal.aborted) onAbort();
	else signal.addEventListener('abort', onAbort, { once: true });
	return {
		signal: controller.signal,
		progress() {
			if (patient) return;
			cancelSilence();
			cancelSilence = clock.after(silence, silent);
		},
		rest() {
			cancelSilence();
		},
		end() {
			cancelSilence();
			cancelTotal();
			signal.removeEventListener('abort', onAbort);
		},
	};
}

/** Rejects with the signal's reason as soon as it aborts, whatever a library does with what it waits for. */
export async function endedBy<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
	let onAbort: () => void = () => undefined;
	const aborted = new Promise<never>((_, reject) => {
		onAbort = () => {
			reject(
				signal.reason instanceof Error ? signal.reason : new CapError('CANCELLED', 'cancelled'),
			);
		};
		if (signal.aborted) onAbort();
		else signal.addEventListener('abort', onAbort, { once: true });
	});
	try {
		return await Promise.race([promise, aborted]);
	} catch (error) {
		throw signal.aborted ? (signal.reason as Error) : error;
	} finally {
		signal.removeEventListener('abort', onAbort);
	}
}
