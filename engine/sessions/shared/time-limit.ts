import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import { formatDuration } from '../../contract/time.ts';
import type { SessionCall } from '../session.port.ts';

/**
 * What may end an attempt from our side: its own time limit, or the caller's signal. Whichever comes
 * first is told once, to whoever holds the resources at that moment. One listener and one timer a call,
 * both gone after `release`.
 */
export class TimeLimit {
	/** Why the attempt was stopped, or null while it was not. */
	stopped: CapError | null = null;
	#call: Pick<SessionCall, 'signal' | 'timeout'>;
	#clock: Clock;
	#deadline: number;
	#cancelTimer: (() => void) | null;
	#onStop: ((reason: CapError) => void) | null = null;
	#onAbort: () => void;

	constructor(call: Pick<SessionCall, 'signal' | 'timeout'>, clock: Clock) {
		this.#call = call;
		this.#clock = clock;
		this.#deadline = clock.monotonic() + call.timeout;
		this.#onAbort = () => {
			this.#stop(this.#reason());
		};
		this.#cancelTimer = clock.after(call.timeout, () => {
			this.#stop(this.#timeout());
		});
		call.signal.addEventListener('abort', this.#onAbort, { once: true });
		if (call.signal.aborted) this.#onAbort();
	}

	/** Milliseconds left, at least 1. */
	get left(): number {
		return Math.max(1, Math.ceil(this.#deadline - this.#clock.monotonic()));
	}

	/** Calls once when the attempt has to stop; at once when it already had to. Replaces the listener before. */
	onStop(listener: (reason: CapError) => void): void {
		this.#onStop = listener;
		if (this.stopped !== null) listener(this.stopped);
	}

	/** The attempt is over: nothing is called any more. May be called more than once. */
	release(): void {
		this.#onStop = null;
		this.#cancelTimer?.();
		this.#cancelTimer = null;
		this.#call.signal.removeEventListener('abort', this.#onAbort);
	}

	#stop(reason: CapError): void {
		if (this.stopped !== null) return;
		this.stopped = reason;
		this.#onStop?.(reason);
	}

	#timeout(): CapError {
		const limit = formatDuration(this.#call.timeout);
		return new CapError('TIMEOUT', `the attempt took longer than ${limit}`, { retry: 'later' });
	}

	#reason(): CapError {
		const reason: unknown = this.#call.signal.reason;
		if (reason instanceof CapError) return reason;
		const late = this.#clock.monotonic() >= this.#deadline - 1;
		const named = reason instanceof Error && reason.name === 'TimeoutError';
		return late || named ? this.#timeout() : new CapError('CANCELLED', 'the attempt was cancelled');
	}
}
