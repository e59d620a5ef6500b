import type { TimerName } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Fields, TimerDoc } from './documents.ts';
import { WANTED } from './healing.ts';
import { TIMER_NAMES } from './timers.ts';

/** How many timers are looked at in one go. */
const WINDOW = 1_000;

interface Orphans {
	name: TimerName;
	keys: string[];
}

/** Timers, due or not, of what does not ask for one; some at a time. */
export async function* orphanedTimers({ db }: Pick<Context, 'db'>): AsyncGenerator<Orphans> {
	async function without(name: TimerName, keys: readonly string[]): Promise<Orphans> {
		const { in: from, key, where } = WANTED[name];
		const docs = await db.run(async () =>
			db
				.of(from)
				.find({ [key]: { $in: keys }, ...where })
				.project<Fields>({ [key]: 1 })
				.toArray(),
		);
		const wanted = new Set(docs.map((doc) => doc[key]));
		return { name, keys: keys.filter((one) => !wanted.has(one)) };
	}

	for (const name of TIMER_NAMES) {
		const keys: string[] = [];
		for await (const { data } of db.timers().find({ name }).project<TimerDoc>({ data: 1 })) {
			if (data?.key !== undefined) keys.push(data.key);
			if (keys.length === WINDOW) yield without(name, keys.splice(0));
		}
		yield without(name, keys);
	}
}
