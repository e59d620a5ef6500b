import { Cron } from 'croner';

import { hear, read, tell } from '../talk.ts';
import type { TimersJob } from './job.ts';
import { beginning, patternOf, Watch } from './watch.mjs';

/** croner in memory: the least that a timer can cost, with nothing that would survive the process. */
const lines = hear();
const job = await read<TimersJob>(lines);
const from = beginning(job.period, 5000 + job.schedules * 2);
const watch = new Watch(job, from);
const crons = Array.from(
	{ length: job.schedules },
	(_, index) =>
		new Cron(patternOf(index, job.period), () => {
			watch.fired(index);
		}),
);
tell({ from });
await lines.next();
await watch.over(job.seconds);
tell(watch.report());
await lines.next();
for (const cron of crons) cron.stop();
tell({ wrong: [] });
process.exit(0);
