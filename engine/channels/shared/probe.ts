import { createHash } from 'node:crypto';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Parcel, ProbeContext, ProbeStep } from '../channel.port.ts';
import { endedBy } from './deadline.ts';

/** What a step found: a word for people, and something for the steps after it. */
export interface Found<T> {
	value: T;
	detail?: string;
}

export interface ProbeRun {
	/**
	 * Does a step, times and reports it. A step that hangs ends with the test's time, whatever it waits for.
	 * @throws Failed when it went wrong: the steps after it make no sense
	 */
	step<T>(this: void, name: ProbeStep['step'], act: () => Promise<Found<T>>): Promise<T>;
}

/** Ends a probe whose failed step was reported. */
class Failed extends Error {}

/**
 * Carries a probe out: `act` does its steps one after the other, and the first that fails ends it.
 * @param explain what an error means here, as in attempts
 */
export async function runProbe(
	act: (run: ProbeRun) => Promise<void>,
	{
		clock,
		context: { signal, report },
		explain,
	}: {
		clock: Clock;
		context: ProbeContext;
		explain(this: void, error: unknown): { code: ErrorCode; message: string };
	},
): Promise<void> {
	const step: ProbeRun['step'] = async (name, task) => {
		const begun = clock.monotonic();
		const ms = (): number => Math.max(0, Math.round(clock.monotonic() - begun));
		try {
			signal.throwIfAborted();
			// what the task still does when the time is over, it does alone
			const { value, detail } = await endedBy(signal, task());
			report({ step: name, ok: true, ms: ms(), ...(detail === undefined ? {} : { detail }) });
			return value;
		} catch (error) {
			const { code, message } = signal.aborted ? late(signal.reason) : explain(error);
			report({ step: name, ok: false, ms: ms(), code, detail: message });
			throw new Failed();
		}
	};
	try {
		await act({ step });
	} catch (error) {
		if (!(error instanceof Failed)) throw error;
	}
}

function late(reason: unknown): { code: ErrorCode; message: string } {
	if (reason instanceof CapError) return { code: reason.code, message: reason.message };
	return { code: 'TIMEOUT', message: 'not done in time' };
}

/** What a test sends: small, and it says what it is to whoever finds it. `token` keeps two tests apart. */
export function probeFile(token: string): { name: string; bytes: Uint8Array; contentType: string } {
	return {
		name: `capscheduler-test-${token}.txt`,
		bytes: new TextEncoder().encode(
			`A test of a destination by CapScheduler (${token}). It can be removed.\n`,
		),
		contentType: 'text/plain; charset=utf-8',
	};
}

/** The file of a test, as channels take files. */
export function parcelOfProbe({ name, bytes, contentType }: ReturnType<typeof probeFile>): Parcel {
	return {
		deliveryId: `test_${name}`,
		runId: '',
		scheduleId: null,
		tenant: '',
		capability: '',
		action: '',
		nominalAt: null,
		filename: name,
		contentType,
		size: bytes.length,
		sha256: createHash('sha256').update(bytes).digest('hex'),
		async *open() {
			await Promise.resolve();
			yield bytes;
		},
	};
}
