import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';

/** The child's side of ../child.ts: the first line of input is the job, then `go`, then `end`. */
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** For those whose job is another. */
export const hear = () => lines;

/** @returns {Promise<import('../job.ts').Job>} */
export async function readJob() {
	return JSON.parse((await lines.next()).value);
}

export function tell(message) {
	process.stdout.write(`${JSON.stringify(message)}\n`);
}

/**
 * Runs `begin` (which must resolve when all has ended and is recorded) between `go` and the answer.
 * @param {() => Promise<void>} begin
 */
export async function measure(begin) {
	tell({ ready: true });
	await lines.next();
	const began = performance.now();
	await begin();
	tell({ milliseconds: performance.now() - began });
	await lines.next();
}

/** What every job does: nothing, or one POST that carries the job's id as its Idempotency-Key. */
export function createWork(target) {
	if (target === null) return async () => undefined;
	const dispatcher = new Agent({ connections: 64, pipelining: 1 });
	return async (id, payload) => {
		const { statusCode, body } = await request(target, {
			dispatcher,
			method: 'POST',
			headers: { 'content-type': 'application/json', 'idempotency-key': String(id) },
			body: JSON.stringify(payload),
		});
		const answer = await body.json();
		if (statusCode !== 200) throw new Error(`the target answered ${statusCode}`);
		return answer;
	};
}

/** Resolves when `check` answers true; asked every few milliseconds. */
export async function until(check) {
	while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Counts to `runs`. */
export function countdown(runs) {
	const { promise, resolve } = Promise.withResolvers();
	let left = runs;
	return {
		promise,
		done(by = 1) {
			left -= by;
			if (left <= 0) resolve();
		},
	};
}

export const PAYLOAD = { message: 'hello' };
