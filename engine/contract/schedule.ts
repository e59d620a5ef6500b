import { z } from 'zod';

import type { DeliverySpec, NotifySpec } from './delivery.ts';
import { deliveryInputSchema, notifyInputSchema } from './delivery.ts';
import type { Trigger } from './envelope.ts';
import type { RunId, ScheduleId } from './ids.ts';
import type { JsonObject } from './json.ts';
import { jsonObjectSchema } from './json.ts';
import { labelsSchema, nameSchema, titleSchema } from './names.ts';
import type { Policies } from './policies.ts';
import { plannedFields } from './planned.ts';
import { policiesSchema } from './policies.ts';
import type { Instant } from './time.ts';
import type { Overrides, Timing } from './timing.ts';
import { timingInputSchema } from './timing.ts';
import { listed } from './zod-words.ts';

/** `POST /{capability}/schedule`. */
export const scheduleInputSchema = z
	.strictObject({
		capability: nameSchema.optional().describe('If sent, the same as in the path.'),
		action: nameSchema.describe('One of the actions of the capability.'),
		parameters: jsonObjectSchema.default({}).describe("Checked against the action's JSON Schema."),
		timing: timingInputSchema.optional().describe('When it is due, in full.'),
		time: z
			.string()
			.min(1)
			.max(60)
			.optional()
			.meta({ examples: ['2027-01-31T09:00:00+01:00', 'in 10m'] })
			.describe('Short form, one shot: an instant or `in 10m`.'),
		frequency: z
			.string()
			.min(1)
			.max(200)
			.optional()
			.meta({ examples: ['every 15m', '@daily'] })
			.describe('Short form, recurring: `every 15m`, `@daily` or a cron pattern.'),
		policies: policiesSchema
			.prefault({})
			.describe('What happens when things overlap, are late or fail.'),
		delivery: deliveryInputSchema.prefault({}).describe('Where results go, and as what.'),
		callback: z
			.url({ protocol: /^https?$/, error: 'an http or https URL' })
			.max(2048)
			.optional()
			.describe('Short form of one entry in `notify`: a URL.'),
		notify: z
			.array(notifyInputSchema)
			.max(10)
			.default([])
			.describe('Who is told how runs end, by a signed POST.'),
		name: titleSchema.optional().describe('For people.'),
		labels: labelsSchema.default({}).describe('For finding it again.'),
		metadata: jsonObjectSchema.default({}).describe('Kept and shown as it is.'),
	})
	.superRefine((input, context) => {
		const sent = (['timing', 'time', 'frequency'] as const).filter((x) => input[x] !== undefined);
		if (sent.length === 1) return;
		context.addIssue({
			code: 'custom',
			path: ['timing'],
			message: 'exactly one of "timing", "time" and "frequency"',
			params: { received: sent.length === 0 ? 'none' : listed(sent) },
		});
	})
	.meta({
		id: 'ScheduleInput',
		oneOf: [{ required: ['timing'] }, { required: ['time'] }, { required: ['frequency'] }],
	})
	.register(plannedFields, { planned: { alert: 'it in "delivery"' } });

export type ScheduleInput = z.output<typeof scheduleInputSchema>;

/**
 * What a run needs to know, immutable and addressed by content (`sha256` of its JSON): a schedule points
 * at one, and so does every run, so a change of the schedule never changes a run that exists.
 */
export interface RunSpec {
	tenant: string;
	capability: string;
	action: string;
	parameters: JsonObject;
	policies: Policies;
	/** Null: the result is only kept. */
	delivery: DeliverySpec | null;
	notify: NotifySpec[];
	schedule: { id: ScheduleId; name: string | null; revision: number } | null;
	timeZone: string;
	/** The record whose id is bound into sealed secrets: a schedule's or a run's id. */
	sealedFor: string;
}

export interface SpecRecord {
	/** Lower-case hexadecimal SHA-256 of the canonical JSON of `spec`. */
	id: string;
	spec: RunSpec;
}

/** `deleted` schedules are invisible to the API; their ledger stays until retention removes it. */
export const SCHEDULE_STATES = ['active', 'paused', 'completed', 'deleted'] as const;
export type ScheduleState = (typeof SCHEDULE_STATES)[number];

/**
 * Why a schedule is paused: by a person, by `policies.pauseOnFailure`, because n8n knows its webhook no more, because it
 * was imported without the secrets that it needs.
 */
export type PauseReason = 'by_user' | 'on_failure' | 'webhook_missing' | 'secrets_missing';

/**
 * What the occurrences of a pause become when it is over: dropped (`skip`), the last one run for all (`latest`),
 * or each run, one after another (`all`).
 */
export const BACKLOGS = ['skip', 'latest', 'all'] as const;
export type Backlog = (typeof BACKLOGS)[number];

/** `POST /v1/schedules/{id}/resume`. */
export const resumeInputSchema = z
	.strictObject({
		backlog: z
			.enum(BACKLOGS)
			.default('skip')
			.describe(
				'What the occurrences of the pause become: dropped with a row each (`skip`), the last one run for all of them (`latest`), or each run, one after another (`all`).',
			),
	})
	.meta({ id: 'ResumeInput' });

export interface Pause {
	from: Instant;
	/** Null while it lasts. */
	to: Instant | null;
	/** Said when it ends; `skip` unless given. */
	backlog?: Backlog;
}

export interface Schedule {
	id: ScheduleId;
	tenant: string;
	name: string | null;
	capability: string;
	action: string;
	labels: Record<string, string>;
	metadata: JsonObject;
	state: ScheduleState;
	/** Null while it is not paused. */
	pauseReason: PauseReason | null;
	revision: number;
	specId: string;
	timing: Timing;
	/** The last nominal instant that has an outcome. */
	lastAt: Instant | null;
	/** The last nominal instant that was not coalesced into a later one: where the next run's window starts. */
	windowFrom: Instant | null;
	/** The next nominal instant that has none; null when the timing is over. */
	nextAt: Instant | null;
	/** When that occurrence is due: `nextAt`, or later by the jitter. Null when `nextAt` is. */
	dueAt: Instant | null;
	/** What people did to occurrences that have no outcome yet. */
	overrides: Overrides;
	/** The version of the time zone data by which `nextAt` was worked out: `2026b`. */
	zoneData: string;
	/** When the timing was accepted: what `in` and an `every` without an anchor are counted from. */
	timedAt: Instant;
	/** How many runs were made, for `limit`. */
	runsMade: number;
	/** Times of pause that `lastAt` has not passed yet. */
	pauses: Pause[];
	/** Failed runs in a row. */
	failures: number;
	createdAt: Instant;
	updatedAt: Instant;
}

export const OUTCOMES = [
	'fired',
	'coalesced',
	'skipped_overlap',
	'skipped_paused',
	'skipped_calendar',
	'skipped_limit',
	'skipped_by_user',
	'missed',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What became of one occurrence. Written once, never changed; unique on (scheduleId, nominalAt). */
export interface LedgerRow {
	tenant: string;
	scheduleId: ScheduleId;
	nominalAt: Instant;
	/** When it was due: `nominalAt`, or later by the jitter. */
	dueAt: Instant;
	outcome: Outcome;
	decidedAt: Instant;
	trigger: Trigger;
	runId: RunId | null;
	/** For people: why it is not `fired`. */
	reason: string | null;
	/** Where it was before somebody moved it to `nominalAt`; null when nobody did. */
	movedFrom: Instant | null;
}
