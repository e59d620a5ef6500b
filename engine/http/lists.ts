import { z } from 'zod';

import { CapError, inputError } from '../contract/errors.ts';
import type { PageRequest } from '../stores/store.port.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

const limitSchema = z
	.string()
	.regex(/^\d{1,9}$/, `an integer from 1 to ${MAX_LIMIT}`)
	.transform(Number)
	.refine((limit) => limit >= 1 && limit <= MAX_LIMIT, {
		error: `an integer from 1 to ${MAX_LIMIT}`,
	})
	.optional()
	.meta({
		description: `How many at most, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} unless given.`,
		override: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
	});

/** The query of every list. */
export const pageQuery = {
	limit: limitSchema,
	cursor: z
		.string()
		.min(1)
		.max(500)
		.optional()
		.meta({ description: '`nextCursor` of the page before.' }),
};

export function pageRequest(query: {
	limit?: number | undefined;
	cursor?: string | undefined;
}): PageRequest {
	return {
		limit: query.limit ?? DEFAULT_LIMIT,
		...(query.cursor === undefined ? {} : { cursor: query.cursor }),
	};
}

/** `team:bi` */
export const labelSchema = z
	.string()
	.max(264)
	.regex(/^[^:]+:/, 'a label like team:bi')
	.transform((text) => ({
		key: text.slice(0, text.indexOf(':')),
		value: text.slice(text.indexOf(':') + 1),
	}))
	.meta({ description: 'A label and its value: `team:bi`.' });

/** Drops what was not given, for filters whose fields are absent or set. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
		[K in keyof T]?: Exclude<T[K], undefined>;
	};
}

/** The store names what it was given; a client is told where its request has that. */
export function placed(error: unknown, places: Readonly<Record<string, string>>): unknown {
	if (!(error instanceof CapError) || error.code !== 'INVALID_REQUEST') return error;
	const [issue] = error.issues;
	if (issue === undefined || !Object.hasOwn(places, issue.path)) return error;
	return inputError(error.code, { ...issue, path: places[issue.path] ?? issue.path });
}
