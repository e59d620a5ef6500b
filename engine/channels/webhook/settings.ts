import { z } from 'zod';

import type { Signer } from '../../security/security.port.ts';
import { isTemplate, templateExpectation } from '../shared/template.ts';

/** Of the connection, of the message or of ours: a custom header may not take their place. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
	'connection',
	'keep-alive',
	'proxy-authenticate',
	'proxy-authorization',
	'proxy-connection',
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
	'host',
	'expect',
	'content-length',
	'content-type',
	'content-encoding',
	'content-disposition',
	'idempotency-key',
]);
const OWN_PREFIXES = ['webhook-', 'x-capscheduler-'];
/** What usually carries credentials belongs into `secretHeader`, which is sealed. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie']);

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/;
/** Visible latin-1 and spaces: no control characters, so no second header. */
const HEADER_VALUE = /^[\x20-\x7e\xa0-\xff]{0,2000}$/;

function isFree(name: string): boolean {
	const lower = name.toLowerCase();
	return !OWN_HEADERS.has(lower) && !OWN_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

const secretHeader = z
	.string()
	.max(2100)
	.refine((line) => splitHeader(line) !== null, {
		error: 'a header like "Authorization: Bearer …" whose name the engine does not set itself',
	});

/** `Name: value`, or null when it is none or its name is taken. */
export function splitHeader(line: string): { name: string; value: string } | null {
	const colon = line.indexOf(':');
	const name = line.slice(0, colon);
	const value = line.slice(colon + 1).trim();
	const ok = colon > 0 && HEADER_NAME.test(name) && HEADER_VALUE.test(value) && isFree(name);
	return ok ? { name, value } : null;
}

export function webhookSettingsSchema(signer: Signer) {
	const secret = z
		.string()
		.max(120)
		.refine((text) => signer.isSecret(text), {
			error: '"whsec_" and base64 of 24 to 64 bytes',
		});
	return z
		.strictObject({
			url: z
				.url({ protocol: /^https?$/, error: 'an http or https URL' })
				.max(2048)
				.regex(/^[^\s\p{Cc}]+$/u, 'a URL without spaces and control characters'),
			method: z.enum(['POST', 'PUT']).default('POST'),
			/** Sent with every delivery, and shown: credentials go into `secretHeader`. */
			headers: z
				.record(
					z
						.string()
						.regex(HEADER_NAME, 'a header name')
						.refine(isFree, { error: 'a header that the engine does not set itself' })
						.refine((name) => !CREDENTIAL_HEADERS.has(name.toLowerCase()), {
							error: 'no credentials; "secretHeader" is for them',
						}),
					z.string().regex(HEADER_VALUE, 'visible characters and spaces, at most 2000'),
				)
				.refine((headers) => Object.keys(headers).length <= 30, { error: 'at most 30 headers' })
				.default({}),
			/** One header that is kept sealed: `Authorization: Bearer …`. */
			secretHeader: secretHeader.optional(),
			/** Made by the engine and answered once when omitted. */
			secret: secret.optional(),
			/** Signs too while receivers change over to `secret`; take it out after 24 hours. */
			previousSecret: secret.optional(),
			signed: z
				.boolean()
				.default(true)
				.describe(
					'`false` for receivers that know no signature: whoever knows the URL can send them anything.',
				),
			ca: pem('CERTIFICATE')
				.optional()
				.describe('PEM of the certificate authority to trust instead of the public ones.'),
			clientCert: pem('CERTIFICATE')
				.optional()
				.describe('PEM of the certificate that the engine shows (mutual TLS).'),
			clientKey: pem('PRIVATE KEY').optional().describe('Its private key; sealed.'),
			body: z
				.string()
				.min(1)
				.max(20_000)
				.refine((text) => isTemplate(text, isLinkField), {
					error: templateExpectation(LINK_FIELDS),
				})
				.optional()
				.describe(
					'A template that is sent in the place of the file; in JSON its fields go between quotes.',
				),
			bodyType: z
				.string()
				.max(200)
				.regex(/^[\w.+-]+\/[\w.+-]+(?:; ?charset=utf-8)?$/i, 'a media type')
				.default('application/json')
				.describe('Of `body`.'),
			batchRows: z
				.number()
				.int()
				.min(1)
				.max(10_000)
				.optional()
				.describe('Sends rows as JSON lists of so many, each a request of its own.'),
		})
		.superRefine((settings, context) => {
			const wrong = (path: string, message: string): void => {
				context.addIssue({ code: 'custom', path: [path], message });
			};
			const {
				signed,
				secret: given,
				previousSecret,
				clientCert,
				clientKey,
				body,
				batchRows,
				url,
			} = settings;
			if (!signed && (given ?? previousSecret) !== undefined)
				wrong('secret', 'none where `signed` is `false`');
			if ((clientCert === undefined) !== (clientKey === undefined)) {
				wrong(
					clientCert === undefined ? 'clientCert' : 'clientKey',
					'both "clientCert" and "clientKey", or none',
				);
			}
			if ((clientCert ?? settings.ca) !== undefined && !url.startsWith('https:'))
				wrong('url', 'https where certificates are given');
			if (body !== undefined && batchRows !== undefined)
				wrong('batchRows', 'either "body" or "batchRows"');
		});
}

/** What a template may name beside the fields of every file: a link that gives it. */
const LINK_FIELDS = ['link', 'linkExpiresAt'];
export const isLinkField = (field: string): boolean => LINK_FIELDS.includes(field);

const pem = (kind: string): z.ZodString =>
	z
		.string()
		.max(100_000)
		.regex(new RegExp(`-----BEGIN (?:[A-Z]+ )?${kind}-----`), `PEM with a ${kind.toLowerCase()}`);

export type WebhookSettings = z.output<ReturnType<typeof webhookSettingsSchema>>;
