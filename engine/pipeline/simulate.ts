import type { Actor } from '../contract/access.ts';
import type { Calendar, Calendars } from '../contract/calendar.ts';
import { byId } from '../contract/calendar.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Policies } from '../contract/policies.ts';
import { policiesSchema } from '../contract/policies.ts';
import type { RunSpec, Schedule } from '../contract/schedule.ts';
import type { SimulatedScheduleInput, SimulateInput } from '../contract/simulate-requests.ts';
import type { Duration, Instant } from '../contract/time.ts';
import { formatDuration, toIso } from '../contract/time.ts';
import type { Timing, TimingInput } from '../contract/timing.ts';
import { NO_OVERRIDES } from '../contract/timing.ts';
import { shown } from '../contract/zod-issues.ts';
import { formatLocal } from '../core/schedule/local-time.ts';
import { planOfSchedule } from '../core/schedule/plan.ts';
import { resolveTiming } from '../core/schedule/resolve-timing.ts';
import { beginning } from '../core/schedule/timing.ts';
import type {
	SimulatedOccurrence,
	SimulatedSchedule,
	SimulationResult,
} from '../core/simulate/model.ts';
import { simulate } from '../core/simulate/simulate.ts';
import { calendarsOf, namedCalendars } from './calendars.ts';
import { findSchedule, specOf } from './change-schedule.ts';
import type { Context } from './context.ts';

/** Where the schedules that a simulation names come from; without an engine there are none. */
export interface SimulationSource {
	now: Instant;
	smallestInterval: Duration;
	concurrency: number;
	find(id: ScheduleId): Promise<{ schedule: Schedule; spec: RunSpec; calendars: Calendars }>;
	/** Those that a timing names, by name and by id. */
	named(timing: TimingInput | undefined): Promise<ReadonlyMap<string, Calendar>>;
}

export async function simulateRequest(
	input: SimulateInput,
	source: SimulationSource,
): Promise<JsonObject> {
	const from = input.from ?? source.now;
	if (input.to <= from) {
		throw inputError('INVALID_REQUEST', {
			path: 'to',
			expected: `an instant after "from" (${toIso(from)})`,
			received: toIso(input.to),
		});
	}
	const range = { from, to: input.to };
	const schedules: SimulatedSchedule[] = [];
	for (const [index, each] of input.schedules.entries()) {
		const place = `schedules[${index}]`;
		const made = await simulated(each, { ...range, source, place });
		if (schedules.some(({ name }) => name === made.name)) {
			throw inputError('INVALID_REQUEST', {
				path: `${place}.name`,
				expected: 'a name that no other one has',
				received: shown(made.name),
			});
		}
		schedules.push(made);
	}
	const { outages, clockChanges, pauses, concurrency = source.concurrency } = input;
	demandNames(pauses, schedules);
	const result = simulate({ schedules, ...range, outages, clockChanges, pauses, concurrency });
	return presentSimulation(result, schedules);
}

/** What `POST /v1/simulate` takes its schedules from. */
export function simulationSource(ctx: Context, actor: Actor): SimulationSource {
	return {
		now: ctx.clock.now(),
		smallestInterval: ctx.settings.smallestInterval,
		concurrency: ctx.settings.concurrency,
		named: (timing) => namedCalendars(ctx, actor.tenant, timing),
		async find(id) {
			const schedule = await findSchedule(ctx, actor, id);
			return {
				schedule,
				spec: await specOf(ctx, schedule),
				calendars: await calendarsOf(ctx, schedule),
			};
		},
	};
}

interface Setting {
	from: Instant;
	to: Instant;
	source: SimulationSource;
	/** In the request. */
	place: string;
}

async function simulated(
	input: SimulatedScheduleInput,
	setting: Setting,
): Promise<SimulatedSchedule> {
	const { duration, failures, scheduleId, policies } = input;
	const { from, to, source } = setting;
	if (scheduleId === undefined) {
		const { name = '' } = input;
		const named = await source.named(input.timing);
		const calendars = byId(named);
		const timing = timingOf(input, setting, named);
		const schedule = imagined(name, endedAt(timing, to), { from, calendars });
		const spec = imaginedSpec(schedule, policies ?? policiesSchema.parse({}));
		return { name, schedule, spec, calendars, duration, failures };
	}
	const { schedule, spec, calendars } = await source.find(scheduleId);
	const timing = endedAt(schedule.timing, to);
	const name = input.name ?? schedule.name ?? scheduleId;
	return {
		name,
		schedule: begun({ ...schedule, timing }, from, calendars),
		spec: policies === undefined ? spec : { ...spec, policies },
		calendars,
		duration,
		failures,
	};
}

/** Errors have the place of the schedule in the request. */
function timingOf(
	input: SimulatedScheduleInput,
	{ from, source, place }: Setting,
	calendars: ReadonlyMap<string, Calendar>,
): Timing {
	const { timing, time, frequency } = input;
	try {
		return resolveTiming(
			{ timing, time, frequency },
			{ acceptedAt: from, smallestInterval: source.smallestInterval, calendars },
		);
	} catch (error) {
		const issue = error instanceof CapError ? error.issues[0] : undefined;
		if (!(error instanceof CapError) || issue === undefined) throw error;
		throw inputError(error.code, { ...issue, path: `${place}.${issue.path}` });
	}
}

/** Nothing after the end of the simulation is to be decided. */
function endedAt(timing: Timing, to: Instant): Timing {
	return { ...timing, end: Math.min(timing.end ?? to, to) };
}

function imagined(
	name: string,
	timing: Timing,
	{ from, calendars }: { from: Instant; calendars: Calendars },
): Schedule {
	const id: ScheduleId = `sch_${name}`;
	const schedule: Schedule = {
		id,
		tenant: '',
		name,
		capability: '',
		action: '',
		labels: {},
		metadata: {},
		state: 'active',
		pauseReason: null,
		revision: 1,
		specId: '',
		timing,
		lastAt: null,
		windowFrom: null,
		nextAt: null,
		dueAt: null,
		overrides: NO_OVERRIDES,
		zoneData: '',
		timedAt: from,
		runsMade: 0,
		pauses: [],
		failures: 0,
		createdAt: from,
		updatedAt: from,
	};
	return begun(schedule, beginning(timing, from) + 1, calendars);
}

/** As it would be at `from`, had everything before been decided. */
function begun(schedule: Schedule, from: Instant, calendars: Calendars): Schedule {
	const { nextAt: ahead, lastAt, createdAt, state } = schedule;
	const plan = planOfSchedule(schedule, calendars);
	// What it waits for may be later than what the timing alone would give: a change, an instant of its birth.
	const waits = ahead !== null && from <= ahead && from > (lastAt ?? createdAt - 1);
	const nextAt = state === 'completed' ? null : waits ? ahead : (plan.next(from - 1) ?? null);
	const dueAt = nextAt === null ? null : plan.dueAt(nextAt);
	return { ...schedule, nextAt, dueAt, state: nextAt === null ? 'completed' : state };
}

function imaginedSpec({ id, name, timing }: Schedule, policies: Policies): RunSpec {
	return {
		tenant: '',
		capability: '',
		action: '',
		parameters: {},
		policies,
		delivery: null,
		notify: [],
		schedule: { id, name, revision: 1 },
		timeZone: timing.timeZone,
		sealedFor: id,
	};
}

function demandNames(
	pauses: SimulateInput['pauses'],
	schedules: readonly SimulatedSchedule[],
): void {
	for (const [index, { schedule }] of pauses.entries()) {
		if (schedule === undefined || schedules.some(({ name }) => name === schedule)) continue;
		throw inputError('INVALID_REQUEST', {
			path: `pauses[${index}].schedule`,
			expected: `one of ${schedules.map(({ name }) => shown(name)).join(', ')}`,
			received: shown(schedule),
		});
	}
}

function presentSimulation(
	result: SimulationResult,
	simulated: readonly SimulatedSchedule[],
): JsonObject {
	return {
		schedules: result.schedules.map(({ name, occurrences, totals }, index) => ({
			name,
			occurrences: occurrences.map((one) =>
				presentOne(one, simulated[index]?.schedule.timing.timeZone ?? 'UTC'),
			),
			totals: {
				...totals,
				busy: formatDuration(totals.busy),
				longestWait: formatDuration(totals.longestWait),
			},
		})),
	};
}

const iso = (at: Instant | null): string | null => (at === null ? null : toIso(at));

function presentOne(one: SimulatedOccurrence, timeZone: string): JsonObject {
	const { nominalAt, dueAt, outcome, reason, decidedAt, lateness, run } = one;
	return {
		nominalAt: toIso(nominalAt),
		local: formatLocal(timeZone, nominalAt),
		dueAt: toIso(dueAt),
		outcome,
		reason,
		decidedAt: iso(decidedAt),
		lateness: lateness === null ? null : formatDuration(Math.max(0, lateness)),
		run:
			run === null
				? null
				: {
						state: run.state,
						startedAt: iso(run.startedAt),
						endedAt: iso(run.endedAt),
						attempts: run.attempts,
					},
	};
}
