import { createBenchEngine, handler } from '../engine-here.ts';
import { registerBinding, storeSchedules } from '../stored.ts';
import { hear, read, tell } from '../talk.ts';

/** Fills a folder with schedules that are not due for long, and tells the first key. */
const { place, schedules } = await read<{ place: string; schedules: number }>(hear());
const engine = await createBenchEngine({ place, sessions: [handler('noop')] });
await engine.start();
await registerBinding(engine.context, {
	name: 'bench',
	// by HTTP, so that an engine without the benchmark's own binding knows it
	binding: { type: 'http', url: 'http://127.0.0.1:9/' },
});
await storeSchedules(engine.context, {
	capability: 'bench',
	count: schedules,
	input: { timing: { cron: '0 3 1 1 *' } },
});
const { firstKey } = engine;
await engine.stop();
tell({ firstKey });
process.exit(0);
