import type { Calendars } from '../contract/calendar.ts';
import { byId, NO_CALENDARS } from '../contract/calendar.ts';
import type { Actor } from '../contract/access.ts';
import type { Capability } from '../contract/capability.ts';
import { inputError } from '../contract/errors.ts';
import type { Schedule, ScheduleInput } from '../contract/schedule.ts';
import type { Policies } from '../contract/policies.ts';
import type { Timing, UpcomingOccurrence } from '../contract/timing.ts';
import { NO_OVERRIDES } from '../contract/timing.ts';
import { invalid, shown } from '../contract/zod-issues.ts';
import type { PolicyWarning } from '../core/schedule/lint-policies.ts';
import { lintPolicies } from '../core/schedule/lint-policies.ts';
import { lintSent } from '../core/schedule/lint-timing.ts';
import { resolveTiming } from '../core/schedule/resolve-timing.ts';
import { planOf, planOfSchedule } from '../core/schedule/plan.ts';
import { describeTiming } from '../core/schedule/words.ts';
import { beginning } from '../core/schedule/timing.ts';
import type { Transition } from '../core/schedule/transitions.ts';
import { transitionsFor } from '../core/schedule/transitions.ts';
import { describeUpcoming } from '../core/schedule/upcoming.ts';
import { namedCalendars } from './calendars.ts';
import { findAction } from './capabilities.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { checkParameters } from './parameters.ts';
import type { GeneratedSecrets } from './spec-parts.ts';
import { compileSpec } from './spec.ts';

export interface AcceptedSchedule {
	schedule: Schedule;
	/** Those that its timing names. */
	calendars: Calendars;
	/** Its timing in one English sentence. */
	words: string;
	upcoming: UpcomingOccurrence[];
	transitions: Transition[];
	warnings: { code: string; message: string }[];
	/** Made by the engine and shown once, by the place in the request that they are for. */
	secrets: GeneratedSecrets;
}

const UPCOMING = 5;

/** Validates a schedule, resolves its capability, and stores it with its timer in one commit. */
export async function acceptSchedule(
	ctx: Context,
	actor: Actor,
	capability: string,
	input: ScheduleInput,
	once?: OnceRequest<AcceptedSchedule>,
): Promise<Answered<AcceptedSchedule>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };

	const accepted = await compileSchedule(ctx, actor, capability, input);
	const { schedule, calendars } = accepted.answer;
	const stored = await ctx.store.createSchedule(
		{
			schedule,
			spec: accepted.spec,
			timerAt: schedule.dueAt,
			calendars,
			events: [
				{
					type: 'schedule.created',
					tenant: schedule.tenant,
					at: schedule.createdAt,
					subject: { scheduleId: schedule.id },
					data: { capability, action: schedule.action, name: schedule.name, by: actor.keyId },
				},
			],
		},
		onceRecord(ctx, actor, once, accepted.answer),
	);
	if (stored.replayed && once !== undefined) {
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	ctx.wake.poke();
	return { kind: 'done', answer: accepted.answer };
}

async function compileSchedule(
	ctx: Context,
	actor: Actor,
	capability: string,
	input: ScheduleInput,
): Promise<{
	answer: AcceptedSchedule;
	spec: Awaited<ReturnType<typeof compileSpec>>['record'];
}> {
	if (input.capability !== undefined && input.capability !== capability) {
		throw inputError('INVALID_REQUEST', {
			path: 'capability',
			expected: `the capability in the path, "${capability}"`,
			received: shown(input.capability),
		});
	}
	const found = await findAction(ctx, actor, { capability, action: input.action });
	const { action } = found;
	await checkParameters(action, input.parameters);

	const id = ctx.newId('schedule');
	const now = ctx.clock.now();
	const named = await namedCalendars(ctx, actor.tenant, input.timing);
	const calendars = byId(named);
	const timing = resolveTiming(
		{
			...(input.timing === undefined ? {} : { timing: input.timing }),
			...(input.time === undefined ? {} : { time: input.time }),
			...(input.frequency === undefined ? {} : { frequency: input.frequency }),
		},
		{
			acceptedAt: now,
			smallestInterval: ctx.settings.smallestInterval,
			seed: id,
			calendars: named,
		},
	);
	const warnings = [
		...lintSent(input, timing, { from: now, calendars }),
		...checkPolicies(ctx, timing, input.policies, { calendars, capability: found.capability }),
	];
	const plan = planOf({ timing, calendars, seed: id });
	const nextAt = plan.next(beginning(timing, now));
	if (nextAt === undefined) {
		throw inputError('INVALID_TIMING', {
			path: 'timing',
			expected: 'a timing with at least one occurrence to come',
			received: 'one that is never due',
		});
	}

	const name = input.name ?? null;
	const { record, secrets } = await compileSpec(
		ctx,
		{
			tenant: actor.tenant,
			capability,
			action: input.action,
			parameters: input.parameters,
			schedule: { id, name, revision: 1 },
			timeZone: timing.timeZone,
			sealedFor: id,
		},
		input,
	);
	const schedule: Schedule = {
		id,
		tenant: actor.tenant,
		name,
		capability,
		action: input.action,
		labels: input.labels,
		metadata: input.metadata,
		state: 'active',
		pauseReason: null,
		revision: 1,
		specId: record.id,
		timing,
		lastAt: null,
		windowFrom: null,
		nextAt,
		dueAt: plan.dueAt(nextAt),
		overrides: NO_OVERRIDES,
		zoneData: ctx.zoneData,
		timedAt: now,
		runsMade: 0,
		pauses: [],
		failures: 0,
		createdAt: now,
		updatedAt: now,
	};
	const answer = {
		schedule,
		calendars,
		words: describeTiming(timing, calendars),
		upcoming: upcomingOf(schedule, calendars),
		transitions: transitionsFor(timing, { from: now, calendars }),
		warnings,
		secrets,
	};
	return { answer, spec: record };
}

/**
 * What may surprise in policies, with the timing that they go with; null: a run by hand.
 * @throws CapError INVALID_POLICIES when they contradict each other or the timing
 */
export function checkPolicies(
	ctx: Pick<Context, 'clock' | 'settings' | 'sessions'>,
	timing: Timing | null,
	policies: Policies,
	{ calendars = NO_CALENDARS, capability }: { calendars?: Calendars; capability: Capability },
): PolicyWarning[] {
	const adapter = ctx.sessions.get(capability.binding.type);
	const { errors, warnings } = lintPolicies(timing, policies, {
		from: ctx.clock.now(),
		calendars,
		concurrency: ctx.settings.concurrency,
		...(adapter === undefined ? {} : { canCallBack: adapter.abilities.async }),
	});
	if (errors.length > 0) throw invalid(errors, 'INVALID_POLICIES');
	return warnings;
}

/** The next occurrences of a schedule that have no outcome yet, as many as its limit still allows. */
export function upcomingOf(
	schedule: Schedule,
	calendars: Calendars,
	count = UPCOMING,
): UpcomingOccurrence[] {
	if (schedule.state !== 'active' || schedule.nextAt === null) return [];
	const { limit } = schedule.timing;
	const left = limit === undefined ? count : Math.min(count, limit - schedule.runsMade);
	const plan = planOfSchedule(schedule, calendars);
	return describeUpcoming(
		{ timing: schedule.timing, plan, calendars },
		schedule.nextAt,
		Math.max(0, left),
	);
}
