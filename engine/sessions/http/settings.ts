import { z } from 'zod';

import { headerName, headerValue, url } from '../shared/http-fields.ts';

/** Would be shown to whoever may read the capability: these have settings that are sealed. */
const SECRET_HEADER = /^(?:authorization|cookie)$|token|secret|password|api-?key/;

export const httpSettingsSchema = z
	.strictObject({
		/** Where actions are posted to. An action's `path` is appended. */
		url,
		/** `async`: the capability answers 202 and calls back. */
		mode: z.enum(['sync', 'async']).default('sync'),
		/** `whsec_…`, signs every request; made by the engine when omitted. */
		secret: z.string().max(120).optional(),
		/** The whole value of the Authorization header. */
		authorization: headerValue.min(1).optional(),
		/** A key that is sent in the header `apiKeyHeader`. */
		apiKey: headerValue.min(1).optional(),
		apiKeyHeader: headerName.default('x-api-key'),
		headers: z
			.record(
				headerName.refine((name) => !SECRET_HEADER.test(name.toLowerCase()), {
					error: 'a header without secrets: use "authorization" or "apiKey", which are sealed',
				}),
				headerValue,
			)
			.refine((headers) => Object.keys(headers).length <= 50, { error: 'at most 50 headers' })
			.default({}),
		/** Whether the envelope tells of the last run of the schedule that succeeded. */
		previous: z.boolean().default(false),
		/** false: only the parameters go out, for an API that knows nothing of CapScheduler. */
		envelope: z.boolean().default(true),
		/** GET sends the parameters in the query string and needs `envelope: false`. */
		method: z.enum(['POST', 'GET']).default('POST'),
	})
	.refine((settings) => settings.method === 'POST' || !settings.envelope, {
		path: ['method'],
		error: 'POST, or GET together with "envelope": false',
	})
	.refine((settings) => settings.mode === 'sync' || settings.envelope, {
		path: ['mode'],
		error: 'sync: without an envelope nobody knows where to call back',
	});

export const httpActionSchema = z.strictObject({
	/** Appended to the path of `url`: segments of letters, digits and . _ ~ -, none starting with a dot. */
	path: z
		.string()
		.max(500)
		.regex(/^\/?[\w~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*\/?$/, 'a path like "reports/daily-sales"')
		.optional(),
});

export type HttpSettings = z.output<typeof httpSettingsSchema>;
export type HttpActionSettings = z.output<typeof httpActionSchema>;
