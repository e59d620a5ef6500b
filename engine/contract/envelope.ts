import { z } from 'zod';

import { jsonValueSchema } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { durationSchema } from './time.ts';

export const TRIGGERS = [
	'schedule',
	'catch_up',
	'backfill',
	'manual',
	'flow',
	'api',
	'rerun',
	'upload',
] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** What goes out to a capability in one attempt. Instants are ISO 8601 in UTC. */
export interface RequestEnvelope {
	specVersion: '1.0';
	/** The run's id, the same in every attempt. */
	requestId: string;
	attempt: number;
	/** Rises with every claim: a target that saw a higher one refuses a lower one. */
	epoch: number;
	capability: string;
	action: string;
	parameters: JsonObject;
	mode: 'sync' | 'async';
	schedule?: {
		id: string;
		name: string | null;
		revision: number;
		nominalAt: string | null;
		/** Where the occurrence was before somebody moved it to `nominalAt`. */
		movedFrom?: string;
		dueAt: string;
		firedAt: string;
		timeZone: string;
		late: boolean;
		trigger: Trigger;
	};
	/** From the previous nominal instant (null for the first) to this one. */
	window?: { start: string | null; end: string };
	/**
	 * The last run of the schedule that succeeded, for bindings that ask for it (`previous: true`); null when there is
	 * none whose result is still kept.
	 */
	previous?: PreviousRun | null;
	tenant: string;
	deadline: string;
	callback?: { url: string; heartbeatUrl: string; token: string };
}

export interface PreviousRun {
	runId: string;
	nominalAt: string | null;
	resultAt: string;
	/** Null for what is no rows. */
	rows: number | null;
	size: number;
	contentType: string;
	sha256: string;
}

/** What a capability that knows envelopes answers. Others just answer their result. */
export const responseEnvelopeSchema = z.discriminatedUnion('status', [
	z.strictObject({ status: z.literal('succeeded'), result: jsonValueSchema.optional() }),
	z.strictObject({
		status: z.literal('failed'),
		error: z
			.strictObject({
				code: z.string().max(100).default('FAILED'),
				message: z.string().max(2000).default(''),
				retry: z.enum(['never', 'later']).default('never'),
				retryAfter: durationSchema.optional(),
			})
			.prefault({}),
	}),
	z.strictObject({ status: z.literal('accepted') }),
]);

/** Columns that an envelope may declare beside its rows. */
export interface DeclaredColumn {
	name: string;
	/** A name of SQL, JSON Schema or the table in docs/formats.md: `numeric(10,2)`, `int64`, `date-time`. */
	type?: string;
	title?: string;
}

/** One row of a result. */
export type Row = { [column: string]: JsonValue };

/** Whether the row may not say its keys as they came: JavaScript has whole numbers before all others, so the first tells. */
export function isReordered(row: Row): boolean {
	for (const name in row) return /^\d/.test(name);
	return false;
}
