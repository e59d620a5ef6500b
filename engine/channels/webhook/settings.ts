import { z } from 'zod';

import type { Signer } from '../../security/security.port.ts';

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
	return z.strictObject({
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
	});
}

export type WebhookSettings = z.output<ReturnType<typeof webhookSettingsSchema>>;
