import type { Actor } from '../contract/access.ts';
import type { Calendars } from '../contract/calendar.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Schedule } from '../contract/schedule.ts';
import type { Duration, Instant } from '../contract/time.ts';
import { formatDuration, MAX_INSTANT, toIso } from '../contract/time.ts';
import type { Forecast, ForecastProgress } from '../core/forecast/forecast.ts';
import { forecast } from '../core/forecast/forecast.ts';
import type { Horizon } from '../core/forecast/load.ts';
import { Grouping } from '../core/forecast/load.ts';
import { mayUse } from './access.ts';
import { calendarsOfAll } from './calendars.ts';
import type { Context } from './context.ts';
import { presentTiming } from './present.ts';

export interface ForecastQuery {
	/** Now unless given. */
	from?: Instant;
	horizon: Duration;
	bucket: 'minute' | 'hour';
	label?: { key: string; value: string };
	capability?: string;
}

export interface Watcher {
	/** Aborted: nobody waits for the answer any more. */
	signal: AbortSignal;
	/** Told now and then while it takes its time. */
	progress?: (progress: {
		stage: 'reading' | 'counting';
		done: number;
		total: number | null;
	}) => void;
}

const WIDTH = { minute: 60_000, hour: 3_600_000 } as const;
const MAX_BUCKETS = 10_080;
const PAGE = 200;
/** How long it computes before others get their turn, and how often it tells how far it is: milliseconds. */
const SLICE: Duration = 10;
const TELL_EVERY: Duration = 200;

/** @throws CapError INVALID_REQUEST when the horizon has too many buckets */
export async function forecastLoad(
	ctx: Context,
	actor: Actor,
	query: ForecastQuery,
	watcher: Watcher,
): Promise<JsonObject> {
	const horizon = horizonOf(query, ctx.clock.now());
	const grouping = new Grouping();
	for await (const schedule of schedulesOf(ctx, actor, query, watcher)) grouping.add(schedule);
	const timings = grouping.all.map(({ timing }) => timing);
	const calendars = await calendarsOfAll(ctx, actor.tenant, timings);
	const work = forecast(grouping.all, calendars, horizon);
	const result = await inSlices(work, ctx, watcher);
	return present(result, horizon, { unit: query.bucket, calendars });
}

function horizonOf({ from, horizon, bucket }: ForecastQuery, now: Instant): Horizon {
	const width = WIDTH[bucket];
	const begin = Math.floor((from ?? now) / width) * width;
	const buckets = Math.ceil(horizon / width);
	if (buckets >= 1 && buckets <= MAX_BUCKETS && begin + buckets * width <= MAX_INSTANT) {
		return { from: begin, bucket: width, buckets };
	}
	throw inputError('INVALID_REQUEST', {
		path: 'query.horizon',
		expected: `from 1 to ${MAX_BUCKETS} ${bucket}s, at most ${formatDuration(MAX_BUCKETS * width)}`,
		received: formatDuration(horizon),
	});
}

async function* schedulesOf(
	ctx: Context,
	actor: Actor,
	{ label, capability }: ForecastQuery,
	{ signal, progress }: Watcher,
): AsyncGenerator<Schedule> {
	const filter = {
		state: 'active' as const,
		...(label === undefined ? {} : { label }),
		...(capability === undefined ? {} : { capability }),
	};
	let cursor: string | null = null;
	let done = 0;
	do {
		const request = { limit: PAGE, ...(cursor === null ? {} : { cursor }) };
		const page = await ctx.store.listSchedules(actor.tenant, filter, request);
		for (const schedule of page.items) if (mayUse(actor, schedule.capability)) yield schedule;
		cursor = page.nextCursor;
		done += page.items.length;
		progress?.({ stage: 'reading', done, total: null });
		// The embedded store answers at once: without this, others would wait for all of the pages.
		await turn();
	} while (cursor !== null && !signal.aborted);
}

async function inSlices<T>(
	work: Generator<ForecastProgress, T>,
	{ clock }: Context,
	{ signal, progress }: Watcher,
): Promise<T> {
	let sliceEnds = clock.monotonic() + SLICE;
	let told = clock.monotonic();
	for (;;) {
		const step = work.next();
		if (step.done === true) return step.value;
		const now = clock.monotonic();
		if (now < sliceEnds) continue;
		if (now - told >= TELL_EVERY) {
			told = now;
			progress?.({ stage: 'counting', ...step.value });
		}
		await turn();
		signal.throwIfAborted();
		sliceEnds = clock.monotonic() + SLICE;
	}
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function present(
	{ counts, total, schedules, peaks, proposal }: Forecast,
	{ from, bucket }: Horizon,
	{ unit, calendars }: { unit: ForecastQuery['bucket']; calendars: Calendars },
): JsonObject {
	const at = (index: number): string => toIso(from + index * bucket);
	return {
		from: at(0),
		to: at(counts.length),
		bucket: unit,
		schedules,
		occurrences: total,
		counts: [...counts],
		peaks: peaks.map(({ bucket: index, count, causes }) => ({
			at: at(index),
			count,
			causes: causes.map(({ timing, schedules: many, count: of, ids }) => ({
				timing: presentTiming(timing, calendars),
				schedules: many,
				occurrences: of,
				scheduleIds: ids,
			})),
		})),
		proposal:
			proposal === null
				? null
				: {
						peakBefore: proposal.before,
						peakAfter: proposal.after,
						jitter: proposal.changes.map(({ timing, jitter, schedules: many, ids }) => ({
							timing: presentTiming(timing, calendars),
							jitter: formatDuration(jitter),
							schedules: many,
							scheduleIds: ids,
						})),
					},
	};
}
