import { z } from 'zod';

const value = (max: number): z.ZodString =>
	z
		.string()
		.min(1)
		.max(max)
		.regex(/^[\x20-\x7e\xa0-\xff]*$/, 'visible characters and spaces');

export const n8nSettingsSchema = z
	.strictObject({
		url: z
			.url({ protocol: /^https?$/, error: 'an http or https URL' })
			.max(2048)
			.regex(/^[^\s\p{Cc}]+$/u, 'a URL without spaces and control characters')
			.describe('The production URL of the Webhook node; its method is POST.'),
		body: z
			.enum(['binary', 'json'])
			.default('binary')
			.describe(
				'`binary`: the file is the binary property `data` of the item; `json`: rows and values are its JSON.',
			),
		headerName: z
			.string()
			.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/, 'a header name')
			.refine(
				(name) =>
					!/^(?:content-|transfer-|connection$|host$|idempotency-key$|x-capscheduler-)/i.test(name),
				{
					error: 'a header that the engine does not set itself',
				},
			)
			.optional()
			.describe('Header authentication of the Webhook node: the name of the header.'),
		headerValue: value(2000).optional().describe('Its value; sealed.'),
		user: value(200)
			.regex(/^[^:]*$/, 'a name without ":"')
			.optional()
			.describe('Basic authentication of the Webhook node: the user.'),
		password: value(1000).optional().describe('The password; sealed.'),
	})
	.superRefine(({ headerName, headerValue, user, password }, context) => {
		const wrong = (path: string, message: string): void => {
			context.addIssue({ code: 'custom', path: [path], message });
		};
		if ((headerName === undefined) !== (headerValue === undefined)) {
			wrong(
				headerName === undefined ? 'headerName' : 'headerValue',
				'both "headerName" and "headerValue", or none',
			);
		}
		if ((user === undefined) !== (password === undefined)) {
			wrong(user === undefined ? 'user' : 'password', 'both "user" and "password", or none');
		}
		if (user !== undefined && headerName !== undefined)
			wrong('user', 'either basic or header authentication');
	});

export type N8nSettings = z.output<typeof n8nSettingsSchema>;
