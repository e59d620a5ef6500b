import { z } from 'zod';

import type { JsonObject } from '../../contract/json.ts';
import { headerName, headerValue, url } from '../shared/http-fields.ts';

export const n8nSettingsSchema = z
	.strictObject({
		url: url.describe('The production URL of the Webhook node; its method is POST.'),
		mode: z
			.enum(['sync', 'async'])
			.default('sync')
			.describe(
				'`sync`: the webhook answers when the last node finishes, or by "Respond to Webhook". `async`: it answers at once, and the workflow posts its result to the callback URL of the envelope.',
			),
		secret: z
			.string()
			.max(120)
			.optional()
			.describe('`whsec_…`, signs every request; made by the engine when omitted.'),
		headerName: headerName
			.optional()
			.describe('Header authentication of the Webhook node: the name of the header.'),
		headerValue: headerValue.min(1).optional().describe('Its value; sealed.'),
		user: headerValue
			.min(1)
			.regex(/^[^:]*$/, 'a name without ":"')
			.optional()
			.describe('Basic authentication of the Webhook node: the user.'),
		password: headerValue.min(1).optional().describe('The password; sealed.'),
		previous: z
			.boolean()
			.default(false)
			.describe('Whether the envelope tells of the last run of the schedule that succeeded.'),
	})
	.refine((given) => given.headerValue === undefined || given.headerName !== undefined, {
		path: ['headerName'],
		error: 'the name of the header whose value is given',
	})
	.refine((given) => given.password === undefined || given.user !== undefined, {
		path: ['user'],
		error: 'the user whose password is given',
	})
	.refine((given) => given.user === undefined || given.headerName === undefined, {
		path: ['user'],
		error: 'either basic authentication or header authentication',
	});

export type N8nSettings = z.output<typeof n8nSettingsSchema>;

/** The same, as the settings of the HTTP binding that makes the request. */
export function asHttp(settings: N8nSettings): JsonObject {
	const { url: address, mode, secret, headerName: name, headerValue: value } = settings;
	const { user, password = '' } = settings;
	return {
		url: address,
		mode,
		...(secret === undefined ? {} : { secret }),
		...(name === undefined || value === undefined ? {} : headerAuth(name, value)),
		...(user === undefined
			? {}
			: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }),
	};
}

/** One of them may be the very header that has a setting of its own. */
const headerAuth = (name: string, value: string): JsonObject =>
	name.toLowerCase() === 'authorization'
		? { authorization: value }
		: { apiKeyHeader: name, apiKey: value };
