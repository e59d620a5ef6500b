import { z } from 'zod';

import type { Calendar } from '../contract/calendar.ts';
import { byId } from '../contract/calendar.ts';
import type { InputIssue } from '../contract/errors.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { policiesSchema } from '../contract/policies.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { Timing, TimingInput } from '../contract/timing.ts';
import type { PreviewInput } from '../contract/timing-requests.ts';
import { demandOneWhen, whenFields } from '../contract/timing-requests.ts';
import { parseInput } from '../contract/zod-issues.ts';
import { lintSent } from '../core/schedule/lint-timing.ts';
import { lintPolicies } from '../core/schedule/lint-policies.ts';
import { planOf } from '../core/schedule/plan.ts';
import type { PreviewedOccurrence } from '../core/schedule/preview.ts';
import { previewOf } from '../core/schedule/preview.ts';
import { resolveTiming, resolveZone } from '../core/schedule/resolve-timing.ts';
import { beginning } from '../core/schedule/timing.ts';
import type { Transition } from '../core/schedule/transitions.ts';
import { transitionsFor } from '../core/schedule/transitions.ts';
import { describeTiming } from '../core/schedule/words.ts';
import { presentTiming } from './present.ts';

export interface Preview {
	occurrences: PreviewedOccurrence[];
	/** The timing as it was understood: relative times resolved, the zone named, `every` anchored. */
	understood: JsonObject;
	/** The same in one English sentence. */
	words: string;
	/** The next clock changes of its zone, and what happens there. */
	transitions: Transition[];
	warnings: Warning[];
}

export interface Warning {
	code: string;
	message: string;
}

export interface PreviewContext {
	now: Instant;
	smallestInterval: Duration;
	/** Those that the timing may name, by name and by id. */
	calendars: ReadonlyMap<string, Calendar>;
	/** How many runs the engine carries out at once, where it is known. */
	concurrency?: number;
}

/**
 * What a timing would do, without any schedule. Needs no store, so the CLI answers by it without an engine.
 * @throws CapError as creating a schedule would
 */
export function previewTiming(input: PreviewInput, context: PreviewContext): Preview {
	const acceptedAt = input.from ?? context.now;
	const calendars = byId(context.calendars);
	const viewerTimeZone =
		input.viewerTimeZone === undefined
			? undefined
			: resolveZone(input.viewerTimeZone, 'viewerTimeZone');
	const timing = understand(input, { ...context, now: acceptedAt });
	// Without a schedule nobody knows the delay that its id gives: the nominal instants are told alone.
	const { jitter: _, ...undelayed } = timing;
	const plan =
		input.scheduleId === undefined
			? planOf({ timing: undelayed, calendars, seed: '' })
			: planOf({ timing, calendars, seed: input.scheduleId });
	return {
		occurrences: previewOf(
			{ timing, plan, calendars },
			{ after: beginning(timing, acceptedAt), count: input.count, viewerTimeZone },
		),
		understood: presentTiming(timing, calendars),
		words: describeTiming(timing, calendars),
		transitions: transitionsFor(timing, { from: acceptedAt, calendars }),
		warnings: [
			...lintSent(input, timing, { from: acceptedAt, calendars }),
			...(input.policies === undefined
				? []
				: lintPolicies(timing, input.policies, { ...context, calendars, from: acceptedAt })
						.warnings),
		],
	};
}

interface When {
	timing?: TimingInput | undefined;
	time?: string | undefined;
	frequency?: string | undefined;
	scheduleId?: string | undefined;
}

/** `~` stands for what it is in the schedule that was named; without one, for some value. */
function understand(
	{ timing, time, frequency, scheduleId = '' }: When,
	context: PreviewContext,
): Timing {
	const { now, smallestInterval, calendars } = context;
	const resolved = { acceptedAt: now, smallestInterval, seed: scheduleId, calendars };
	return resolveTiming({ timing, time, frequency }, resolved);
}

export interface Lint {
	ok: boolean;
	errors: (InputIssue & { code: string })[];
	warnings: Warning[];
}

const lintedSchema = z
	.strictObject({ ...whenFields, policies: policiesSchema.optional() })
	.superRefine(demandOneWhen);

/** What is wrong with a timing and its policies, and what may surprise. Never throws for bad input. */
export function lintRequest(input: unknown, context: PreviewContext): Lint {
	try {
		const parsed = parseInput(lintedSchema, input);
		const timing = understand(parsed, context);
		const calendars = byId(context.calendars);
		const found = lintPolicies(timing, parsed.policies ?? policiesSchema.parse({}), {
			...context,
			calendars,
			from: context.now,
		});
		return {
			ok: found.errors.length === 0,
			errors: found.errors,
			warnings: [...lintSent(parsed, timing, { from: context.now, calendars }), ...found.warnings],
		};
	} catch (error) {
		if (!(error instanceof CapError) || error.status >= 500) throw error;
		const { code, issues } = error;
		return { ok: false, errors: issues.map((issue) => ({ ...issue, code })), warnings: [] };
	}
}
