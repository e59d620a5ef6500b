/** The thread that reads iCalendar text; ics.ts begins and ends it. */
import { parentPort, workerData } from 'node:worker_threads';

import type { Horizon } from './calendars.port.ts';
import { IcsError, icsDays } from './ics-days.ts';

const { text, horizon } = workerData as { text: string; horizon: Horizon };

try {
	parentPort?.postMessage({ days: icsDays(text, horizon) });
} catch (error) {
	// What the library stumbles over is the text's fault, too.
	const expected =
		error instanceof IcsError
			? error.message
			: `an iCalendar text that can be read (${error instanceof Error ? error.message.slice(0, 120) : ''})`;
	parentPort?.postMessage({ expected });
}
