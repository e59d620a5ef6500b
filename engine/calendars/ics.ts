import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import type { CalendarDay } from '../contract/calendar.ts';
import { inputError } from '../contract/errors.ts';
import type { Horizon } from './calendars.port.ts';

const FILE = new URL(
	import.meta.url.endsWith('.ts') ? './ics-worker.ts' : './ics-worker.js',
	import.meta.url,
);
/** Milliseconds that reading may take. */
const LIMIT = 5000;
const MEMORY = 256;

type Answer = { days: CalendarDay[] } | { expected: string };

/**
 * Reads iCalendar text outside the event loop and within a time: a file of a user may hold a rule that is
 * never met, which the library looks for without end.
 * @throws CapError INVALID_REQUEST
 */
export async function readIcs(
	text: string,
	horizon: Horizon,
	limit: number = LIMIT,
): Promise<CalendarDay[]> {
	const worker = new Worker(FILE, {
		execArgv: [],
		workerData: { text, horizon },
		resourceLimits: { maxOldGenerationSizeMb: MEMORY },
	});
	const late: Answer = { expected: `a text that can be read within ${limit / 1000} s` };
	const timeout = Promise.withResolvers<Answer>();
	const timer = setTimeout(() => {
		timeout.resolve(late);
	}, limit);
	try {
		const answer = await Promise.race([
			once(worker, 'message').then(([message]) => message as Answer),
			once(worker, 'exit').then(() => late),
			timeout.promise,
		]).catch(() => late);
		if ('days' in answer) return answer.days;
		const lines = text.split('\n', 1)[0] ?? '';
		throw inputError('INVALID_REQUEST', {
			path: 'ics',
			expected: answer.expected,
			received: JSON.stringify(lines.slice(0, 40)),
		});
	} finally {
		clearTimeout(timer);
		await worker.terminate();
	}
}
