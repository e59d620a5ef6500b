import { afterAll, describe, expect, it } from '@jest/globals';

import { CapError } from '../../engine/contract/errors.ts';
import type { SessionAdapter, SessionOutcome } from '../../engine/sessions/session.port.ts';
import { resultBytes, resultRows, sessionCall } from '../support/session-call.ts';
import type { CallOptions } from '../support/session-call.ts';

/** What a binding must offer to be exercised: a call for each way an attempt can go. */
export interface SessionCases {
	adapter: SessionAdapter;
	/** Answers exactly the rows `{ n: 1, text: 'ä' }` and `{ n: 2, text: null }`. */
	rows: CallOptions;
	/** Answers rows, but none. */
	empty: CallOptions;
	/** Answers `{ "answer": 42 }`, where the binding knows values. */
	json?: CallOptions;
	/** Answers the bytes 0, 255, 10, where the binding knows bytes. */
	bytes?: CallOptions;
	/** Fails for good. */
	failure: CallOptions;
	/** Never comes to an end. */
	endless: CallOptions;
	/** Answers more than 100,000 bytes. */
	large: CallOptions;
	/** How much of what attempts occupy is occupied now: connections, processes, threads at work. */
	occupied(): Promise<number> | number;
	close(): Promise<void>;
}

const within = (call: CallOptions, timeout: number, signal?: AbortSignal): CallOptions => ({
	...call,
	timeout,
	...(signal === undefined ? {} : { signal }),
});

/** The whole of an attempt: the outcome, or why its source broke off. */
async function ended(outcome: SessionOutcome): Promise<{ code: string; retry: string }> {
	if (outcome.kind === 'failed') return outcome.failure;
	const error: unknown = await resultBytes(outcome).then(
		() => new Error('it came to an end'),
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(CapError);
	return error as CapError;
}

/** Every binding keeps these promises. */
export function exerciseSession(name: string, start: () => Promise<SessionCases>): void {
	describe(`session ${name}`, () => {
		const started = start();
		const invoke = async (pick: (cases: SessionCases) => CallOptions): Promise<SessionOutcome> => {
			const cases = await started;
			return cases.adapter.invoke(sessionCall(cases.adapter, pick(cases)));
		};
		const isFree = async (): Promise<void> => {
			const { occupied } = await started;
			while ((await occupied()) > 0) await new Promise((resolve) => setImmediate(resolve));
		};

		afterAll(async () => {
			const { adapter, close } = await started;
			await adapter.close?.();
			await close();
		});

		it('gives rows as they are, and how many', async () => {
			const outcome = await invoke((cases) => cases.rows);
			expect(await resultRows(outcome)).toEqual([
				{ n: 1, text: 'ä' },
				{ n: 2, text: null },
			]);
			if (outcome.kind === 'result') expect(outcome.body.rows?.()).toBe(2);
			await isFree();
		});

		it('gives no rows as an empty result', async () => {
			const outcome = await invoke((cases) => cases.empty);
			expect(await resultRows(outcome)).toEqual([]);
			if (outcome.kind === 'result') expect(outcome.body.rows?.()).toBe(0);
		});

		it('gives a value as JSON', async () => {
			const { json } = await started;
			if (json === undefined) return;
			const outcome = await invoke(() => json);
			expect(JSON.parse((await resultBytes(outcome)).toString())).toEqual({ answer: 42 });
		});

		it('gives bytes untouched', async () => {
			const { bytes } = await started;
			if (bytes === undefined) return;
			const outcome = await invoke(() => bytes);
			expect([...(await resultBytes(outcome))]).toEqual([0, 255, 10]);
			expect(outcome).toMatchObject({ body: { encoding: 'bytes' } });
		});

		it('says why it failed, and that trying again does not help', async () => {
			const failure = await ended(await invoke((cases) => cases.failure));
			expect(failure).toMatchObject({ retry: 'never' });
			await isFree();
		});

		it('ends within a second of its time limit, and frees everything', async () => {
			const began = performance.now();
			const failure = await ended(await invoke((cases) => within(cases.endless, 300)));
			expect(performance.now() - began).toBeLessThan(1300);
			expect(failure).toMatchObject({ code: 'TIMEOUT', retry: 'later' });
			await isFree();
		});

		it('ends at once when it is aborted, and frees everything', async () => {
			const controller = new AbortController();
			const attempt = invoke((cases) => within(cases.endless, 60_000, controller.signal));
			setImmediate(() => {
				controller.abort(new CapError('FENCED', 'another engine took over'));
			});
			expect(await ended(await attempt)).toMatchObject({ code: 'FENCED' });
			await isFree();
		});

		it('sends nothing when it is aborted before it began', async () => {
			const signal = AbortSignal.abort(new CapError('CANCELLED', 'not any more'));
			const outcome = await invoke((cases) => within(cases.rows, 1000, signal));
			expect(await ended(outcome)).toMatchObject({ code: 'CANCELLED' });
			await isFree();
		});

		it('refuses a result over the limit', async () => {
			const outcome = await invoke((cases) => ({ ...cases.large, maxResultBytes: 100_000 }));
			expect(await ended(outcome)).toMatchObject({ code: 'RESULT_TOO_LARGE', retry: 'never' });
			await isFree();
		});

		it('frees everything when the result is not read to its end', async () => {
			const outcome = await invoke((cases) => cases.large);
			if (outcome.kind !== 'result') throw new Error('no result');
			if (!(outcome.body.source instanceof Uint8Array)) {
				for await (const _chunk of outcome.body.source) break;
			}
			await isFree();
		});
	});
}
