import assert from 'node:assert/strict';

import { CapError } from '../contract/errors.ts';
import type { SessionAdapter, SessionOutcome } from '../sessions/session.port.ts';
import { claimHas, claimSame } from './claims.ts';
import type { Runner } from './runner.ts';
import { resultBytes, resultRows, sessionCall } from './session-call.ts';
import type { CallOptions } from './session-call.ts';

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

/** Milliseconds of an attempt that never ends by itself, and what may come on top. */
const LIMIT = 300;
const LATE = 1000;

/**
 * What every binding promises. The target is started once, for all of the promises: `start` is called by the first,
 * and `close` by what the runner calls last (`afterAll` of Jest, `after` of `node:test`).
 */
export function exerciseSession(
	{
		describe,
		it,
		afterAll,
	}: Runner & { readonly afterAll: (body: () => Promise<void>) => unknown },
	name: string,
	start: () => Promise<SessionCases>,
): void {
	describe(`session ${name} keeps the promises of every binding`, () => {
		let started: Promise<SessionCases> | undefined;
		const promises = (title: string, body: (bench: SessionBench) => Promise<void>): void => {
			it(title, async () => body(new SessionBench(await (started ??= start()))));
		};
		afterAll(async () => {
			const cases = await started;
			await cases?.adapter.close?.();
			await cases?.close();
		});

		promises('gives rows as they are, and how many', givesRows);
		promises('gives no rows as an empty result', givesNoRows);
		promises('gives a value as JSON', givesValues);
		promises('gives bytes untouched', givesBytes);
		promises('says why it failed, and that trying again does not help', async (bench) => {
			const failure = await bench.ended(bench.cases.failure);
			assert.equal(failure.retry, 'never');
			await bench.isFree();
		});
		promises('ends within a second of its time limit, and frees everything', endsInTime);
		promises('ends at once when it is aborted, and frees everything', endsWhenAborted);
		promises('sends nothing when it is aborted before it began', async (bench) => {
			const signal = AbortSignal.abort(new CapError('CANCELLED', 'not any more'));
			const failure = await bench.ended({ ...bench.cases.rows, timeout: LATE, signal });
			assert.equal(failure.code, 'CANCELLED');
			await bench.isFree();
		});
		promises('refuses a result over the limit', async (bench) => {
			const failure = await bench.ended({ ...bench.cases.large, maxResultBytes: 100_000 });
			claimHas(failure, { code: 'RESULT_TOO_LARGE', retry: 'never' });
			await bench.isFree();
		});
		promises('frees everything when the result is not read to its end', freesWhatIsNotRead);
	});
}

class SessionBench {
	readonly cases: SessionCases;

	constructor(cases: SessionCases) {
		this.cases = cases;
	}

	invoke(call: CallOptions): Promise<SessionOutcome> {
		const { adapter } = this.cases;
		return adapter.invoke(sessionCall(adapter, call));
	}

	/** The whole of an attempt that has to fail: the failure, or why its source broke off. */
	async ended(call: CallOptions): Promise<{ code: string; retry: string }> {
		const outcome = await this.invoke(call);
		if (outcome.kind === 'failed') return outcome.failure;
		const error: unknown = await resultBytes(outcome).then(
			() => new Error('it came to an end'),
			(reason: unknown) => reason,
		);
		assert.ok(error instanceof CapError, String(error));
		return error;
	}

	async isFree(): Promise<void> {
		while ((await this.cases.occupied()) > 0) {
			await new Promise((resolve) => setImmediate(resolve));
		}
	}
}

function countOf(outcome: SessionOutcome): number | undefined {
	return outcome.kind === 'result' ? outcome.body.rows?.() : undefined;
}

async function givesRows(bench: SessionBench): Promise<void> {
	const outcome = await bench.invoke(bench.cases.rows);
	const rows = await resultRows(outcome);
	claimSame(rows, [
		{ n: 1, text: 'ä' },
		{ n: 2, text: null },
	]);
	assert.equal(countOf(outcome), 2);
	await bench.isFree();
}

async function givesNoRows(bench: SessionBench): Promise<void> {
	const outcome = await bench.invoke(bench.cases.empty);
	claimSame(await resultRows(outcome), []);
	assert.equal(countOf(outcome), 0);
}

async function givesValues(bench: SessionBench): Promise<void> {
	const { json } = bench.cases;
	if (json === undefined) return;
	const outcome = await bench.invoke(json);
	claimSame(JSON.parse((await resultBytes(outcome)).toString()), { answer: 42 });
}

async function givesBytes(bench: SessionBench): Promise<void> {
	const { bytes } = bench.cases;
	if (bytes === undefined) return;
	const outcome = await bench.invoke(bytes);
	claimSame([...(await resultBytes(outcome))], [0, 255, 10]);
	claimHas(outcome, { body: { encoding: 'bytes' } });
}

async function endsInTime(bench: SessionBench): Promise<void> {
	const began = performance.now();
	const failure = await bench.ended({ ...bench.cases.endless, timeout: LIMIT });
	const took = performance.now() - began;
	assert.ok(took < LIMIT + LATE, `it took ${took} ms`);
	claimHas(failure, { code: 'TIMEOUT', retry: 'later' });
	await bench.isFree();
}

async function endsWhenAborted(bench: SessionBench): Promise<void> {
	const controller = new AbortController();
	const { signal } = controller;
	const attempt = bench.ended({ ...bench.cases.endless, timeout: 60_000, signal });
	setImmediate(() => {
		controller.abort(new CapError('FENCED', 'another engine took over'));
	});
	assert.equal((await attempt).code, 'FENCED');
	await bench.isFree();
}

async function freesWhatIsNotRead(bench: SessionBench): Promise<void> {
	const outcome = await bench.invoke(bench.cases.large);
	assert.equal(outcome.kind, 'result');
	if (outcome.kind === 'result' && !(outcome.body.source instanceof Uint8Array)) {
		for await (const _chunk of outcome.body.source) break;
	}
	await bench.isFree();
}
