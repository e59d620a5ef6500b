import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';

import { NO_CALENDARS } from '../../engine/contract/calendar.ts';
import type { Timing } from '../../engine/contract/timing.ts';
import { forecast } from '../../engine/core/forecast/forecast.ts';
import { Grouping } from '../../engine/core/forecast/load.ts';
import { planOf } from '../../engine/core/schedule/plan.ts';
import { previewOf } from '../../engine/core/schedule/preview.ts';
import { resolveTiming } from '../../engine/core/schedule/resolve-timing.ts';
import { nextAfter } from '../../engine/core/schedule/timing.ts';
import { aSchedule } from '../support/core-records.ts';
import { load } from './record.ts';
import { markdown } from './report.ts';
import type { Outcome } from './workload.ts';

const ZONE = 'Europe/Berlin';
const FROM = Date.UTC(2027, 0);
/** Typical patterns first, then rare ones; null where another library has no such pattern. */
const PATTERNS: readonly { text: string; dayMatch?: 'both'; peers: boolean }[] = [
	{ text: '*/5 * * * *', peers: true },
	{ text: '0 9 * * 1-5', peers: true },
	{ text: '30 2 * * *', peers: true },
	{ text: '0 0 1 * *', peers: true },
	{ text: '0 0 LW * *', peers: false },
	{ text: '0 0 29 2 *', peers: true },
	{ text: '0 0 * 2 5#5', peers: true },
	{ text: '0 0 29 2 1', dayMatch: 'both', peers: false },
];
const RRULES = [
	'FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0',
	'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;BYHOUR=10;BYMINUTE=0;BYSECOND=0',
	'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1',
	'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13',
	'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH',
] as const;
const CONTEXT = { acceptedAt: FROM, smallestInterval: 2000 };
const SECONDS = 0.3;

/** Microseconds; null where there is no such pattern, or nobody to compare with. */
interface Measured {
	workload: 'timing';
	pattern: string;
	engine: number;
	croner: number | null;
	cronParser: number | null;
	load: number;
}

/** How fast and how large timings are. No figure is judged. */
export function timing({ say }: { say: (text: string) => void }): Outcome {
	const cpu = process.cpuUsage();
	const patterns = [...PATTERNS.map(ofPattern), ...RRULES.map(ofRule)];
	const cell = (value: number | null): string => value?.toFixed(2) ?? '';
	say(
		markdown([
			['µs for the next instant, each from the one before', 'engine', 'croner', 'cron-parser'],
			...patterns.map(({ pattern, engine, croner, cronParser }) => [
				pattern,
				...[engine, croner, cronParser].map(cell),
			]),
		]),
	);
	const memory = memoryOfTimings();
	const others = {
		previewOf1000: previewTime(),
		forecastOf200Patterns: forecastTime(200),
		forecastOf10000Patterns: forecastTime(10_000),
		timings: memory,
	};
	say(`preview of 1,000 instants: ${others.previewOf1000.toFixed(2)} ms`);
	for (const { milliseconds, distinct } of [
		others.forecastOf200Patterns,
		others.forecastOf10000Patterns,
	]) {
		say(
			`forecast over 24 h, 10,000 schedules (${distinct} distinct): ${milliseconds.toFixed(0)} ms`,
		);
	}
	const how = memory.collected ? '' : ' (with garbage: node --expose-gc tells it without)';
	say(
		`memory of ${memory.count.toLocaleString('en')} timings with 200 patterns: ${Math.round(memory.bytes)} bytes each${how}`,
	);
	const { user, system } = process.cpuUsage(cpu);
	const rss = process.resourceUsage().maxRSS * 1024;
	const whole = { workload: 'timing', ...others, cpu: (user + system) / 1e6, rss, load: load() };
	return { measurements: [...patterns, whole], wrong: [] };
}

function ofPattern({ text, dayMatch, peers }: (typeof PATTERNS)[number]): Measured {
	const rule: Timing = {
		...{ kind: 'cron', cron: text, timeZone: ZONE },
		...(dayMatch === undefined ? {} : { dayMatch }),
	};
	const job = peers ? new Cron(text, { timezone: ZONE, paused: true }) : null;
	return {
		workload: 'timing',
		pattern: dayMatch === undefined ? text : `${text}, dayMatch both`,
		engine: microseconds((at) => nextAfter(rule, at)),
		croner: job && microseconds((at) => job.nextRun(new Date(at))?.getTime()),
		cronParser: peers ? microseconds(cronParser(text)) : null,
		load: load(),
	};
}

/** RFC 5545. */
function ofRule(rrule: string): Measured {
	const rule = resolveTiming({ timing: { rrule, timeZone: ZONE } }, CONTEXT);
	const engine = microseconds((at) => nextAfter(rule, at));
	const nobody = { croner: null, cronParser: null };
	return { workload: 'timing', pattern: rrule, engine, ...nobody, load: load() };
}

function cronParser(text: string): (at: number) => number | undefined {
	const walk = CronExpressionParser.parse(text, { tz: ZONE, currentDate: new Date(FROM) });
	return (at) => {
		if (at === FROM) walk.reset(new Date(FROM));
		return walk.next().getTime();
	};
}

/** The median of three measurements, after one that warms up. Starts again where a walk ends. */
function microseconds(next: (at: number) => number | undefined): number {
	const figures = Array.from({ length: 4 }, () => {
		const start = performance.now();
		let at = FROM;
		let calls = 0;
		while (performance.now() - start < SECONDS * 1000) {
			for (let i = 0; i < 20; i++, calls++) {
				const found = next(at);
				at = found === undefined || found > Date.UTC(2160, 0) ? FROM : found;
			}
		}
		return ((performance.now() - start) * 1000) / calls;
	});
	return figures.slice(1).sort((a, b) => a - b)[1] ?? 0;
}

function previewTime(): number {
	const rule: Timing = { kind: 'cron', cron: '0 9 * * 1-5', timeZone: ZONE };
	const plan = planOf({ timing: rule, calendars: NO_CALENDARS, seed: 'sch_1' });
	const once = (): number => {
		const start = performance.now();
		previewOf({ timing: rule, plan, calendars: NO_CALENDARS }, { after: FROM, count: 1000 });
		return performance.now() - start;
	};
	once();
	return [once(), once(), once()].sort((a, b) => a - b)[1] ?? 0;
}

/** The fires of a day per minute, of schedules that fire every 10 minutes to once a day. */
function forecastTime(patterns: number): { milliseconds: number; distinct: number } {
	const grouping = new Grouping();
	for (let i = 0; i < 10_000; i++) {
		const own = i % patterns;
		const hours = own % 4 === 0 ? '*' : String(own % 24);
		const minutes = own % 8 === 0 ? `${own % 10}-59/10` : String(own % 60);
		const cron =
			patterns > 200
				? `${own % 60},${Math.floor(own / 60) % 60} ${own % 5 === 0 ? '*' : String(own % 23)} * * *`
				: `${minutes} ${hours} * * *`;
		const timing: Timing = { kind: 'cron', cron, timeZone: ZONE };
		grouping.add(aSchedule({ id: `sch_${i}`, timing, nextAt: FROM }));
	}
	const start = performance.now();
	const work = forecast(grouping.all, NO_CALENDARS, { from: FROM, bucket: 60_000, buckets: 1440 });
	while (work.next().done !== true);
	return { milliseconds: performance.now() - start, distinct: grouping.all.length };
}

/** Bytes for each of 100,000 schedules' timings of 200 patterns, each asked once for its next instant. */
function memoryOfTimings(): { count: number; bytes: number; collected: boolean } {
	const collect = (globalThis as { gc?: () => void }).gc;
	collect?.();
	const before = process.memoryUsage().heapUsed;
	const kept = Array.from({ length: 100_000 }, (_, index) => {
		const cron = `${index % 50} ${index % 4} * * *`;
		return resolveTiming({ timing: { cron, timeZone: ZONE } }, CONTEXT);
	});
	for (const each of kept) nextAfter(each, FROM);
	collect?.();
	const bytes = (process.memoryUsage().heapUsed - before) / kept.length;
	return { count: kept.length, bytes, collected: collect !== undefined };
}
