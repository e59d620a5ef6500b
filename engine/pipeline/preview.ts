import { z } from 'zod';

import type { Calendar, Calendars } from '../contract/calendar.ts';
import type { InputIssue } from '../contract/errors.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { policiesSchema } from '../contract/policies.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { Timing, TimingInput } from '../contract/timing.ts';
import type { PreviewInput } from '../contract/timing-requests.ts';
import { demandOneWhen, whenFields } from '../contract/timing-requests.ts';
import { parseInput, shown } from '../contract/zod-issues.ts';
import {
	lintEnglish,
	lintLocalAt,
	lintMonthEnd,
	lintTiming,
} from '../core/schedule/lint-timing.ts';
import { lintPolicies } from '../core/schedule/lint-policies.ts';
import { planOf } from '../core/schedule/plan.ts';
import type { PreviewedOccurrence } from '../core/schedule/preview.ts';
import { previewOf } from '../core/schedule/preview.ts';
import { resolveTiming } from '../core/schedule/resolve-timing.ts';
import { beginning } from '../core/schedule/timing.ts';
import type { Transition } from '../core/schedule/transitions.ts';
import { transitionsFor } from '../core/schedule/transitions.ts';
import { describeTiming } from '../core/schedule/words.ts';
import { nearestZones, zoneNamed } from '../core/schedule/zone.ts';
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

/** As far ahead as clock changes are told, as of a schedule that is made. */
const CHANGES_WITHIN: Duration = 400 * 86_400_000;

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
	const calendars = byId(context);
	const viewerTimeZone = zoneOf(input.viewerTimeZone, 'viewerTimeZone');
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
		transitions: transitionsFor(timing, {
			from: acceptedAt,
			until: acceptedAt + CHANGES_WITHIN,
			calendars,
		}),
		warnings: [
			...warningsOf(input, timing, { now: acceptedAt, calendars }),
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

function byId({ calendars }: PreviewContext): Calendars {
	return new Map([...calendars.values()].map((calendar) => [calendar.id, calendar]));
}

function warningsOf(
	input: When,
	timing: Timing,
	{ now, calendars }: { now: Instant; calendars: Calendars },
): Warning[] {
	return [
		...lintTiming(timing, now, calendars),
		...lintLocalAt(input.timing?.at, timing),
		...lintMonthEnd(input.timing, timing),
		...lintEnglish(input.frequency),
	];
}

export function zoneOf(name: string | undefined, path: string): string | undefined {
	if (name === undefined) return undefined;
	const zone = zoneNamed(name);
	if (zone !== undefined) return zone;
	const nearest = nearestZones(name);
	const hint = nearest.length === 0 ? 'such as Europe/Berlin' : `(nearest: ${nearest.join(', ')})`;
	throw inputError('INVALID_TIMING', {
		path,
		expected: `an IANA time zone ${hint}`,
		received: shown(name),
	});
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
		const calendars = byId(context);
		const found = lintPolicies(timing, parsed.policies ?? policiesSchema.parse({}), {
			...context,
			calendars,
			from: context.now,
		});
		return {
			ok: found.errors.length === 0,
			errors: found.errors,
			warnings: [...warningsOf(parsed, timing, { now: context.now, calendars }), ...found.warnings],
		};
	} catch (error) {
		if (!(error instanceof CapError) || error.status >= 500) throw error;
		const { code, issues } = error;
		return { ok: false, errors: issues.map((issue) => ({ ...issue, code })), warnings: [] };
	}
}
