import { fileURLToPath } from 'node:url';

import { startChild } from '../child.ts';
import type { LoadJob, LoadReport } from './job.ts';

const LOAD = fileURLToPath(new URL('load.ts', import.meta.url));

/** A load generator that is ready: `run` begins it and resolves with what it saw. */
export async function prepareLoad(job: LoadJob): Promise<{ run(): Promise<LoadReport> }> {
	const child = startChild(LOAD, { input: job });
	await child.next();
	return {
		async run() {
			child.say('go');
			const report = await child.next<LoadReport>();
			await child.finish();
			return report;
		},
	};
}

/** What is not as it must be: each request is answered once, with this status. */
export function wrongAnswers(report: LoadReport, status: number): string[] {
	const { asked, answered, statuses, replayed, expectedReplays } = report;
	const wrong: string[] = [];
	if (answered !== asked) wrong.push(`${answered} of ${asked} answered`);
	if ((statuses[status] ?? 0) !== answered)
		wrong.push(`expected ${status}, got ${JSON.stringify(statuses)}`);
	if (replayed !== expectedReplays)
		wrong.push(`${replayed} answers repeated, expected ${expectedReplays}`);
	return wrong;
}
