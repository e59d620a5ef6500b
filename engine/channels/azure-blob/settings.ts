import { z } from 'zod';

import { folderSettings } from '../shared/remote-settings.ts';
import { caSchema } from '../shared/tls.ts';

const VISIBLE = /^[\x20-\x7e]*$/;
/** Of metadata: an identifier of C#, as the store wants it. */
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const GUID_OR_DOMAIN = /^[A-Za-z0-9][A-Za-z0-9.-]{0,253}$/;

export const azureSettingsSchema = z
	.strictObject({
		account: z
			.string()
			.regex(
				/^[a-z0-9]{3,24}$/,
				'the name of a storage account: 3 to 24 lower-case letters and digits',
			),
		container: z
			.string()
			.regex(
				/^(?:\$root|\$web|[a-z0-9](?:-?[a-z0-9]){2,62})$/,
				'the name of a container: 3 to 63 lower-case letters, digits and single "-"',
			),
		endpoint: z
			.url({ protocol: /^https?$/, error: 'an http or https URL' })
			.max(2048)
			.optional()
			.describe(
				'Of the blob service, where it is not `https://<account>.blob.core.windows.net`: other clouds, private endpoints, Azurite.',
			),
		accountKey: z
			.string()
			.regex(/^[A-Za-z0-9+/]{20,200}={0,2}$/, 'an account key: base64')
			.optional(),
		sas: z
			.string()
			.max(2000)
			.regex(/^\??(?=.*\bsig=)[\x21-\x7e]+$/, 'a shared access signature: "sv=…&sig=…"')
			.optional()
			.describe('A shared access signature, as the portal shows it: `sv=…&sig=…`.'),
		tenantId: z.string().regex(GUID_OR_DOMAIN, 'the id or the domain of a tenant').optional(),
		clientId: z.string().regex(GUID_OR_DOMAIN, 'the id of an application').optional(),
		clientSecret: z.string().min(1).max(500).regex(VISIBLE).optional(),
		authority: z
			.url({ protocol: /^https$/, error: 'an https URL' })
			.max(2048)
			.default('https://login.microsoftonline.com')
			.describe('Where an application gets its tokens.'),
		ca: caSchema.optional().describe('A private authority in PEM; given, it alone is trusted.'),
		folder: folderSettings.folder.describe('What names begin with; empty: the container itself.'),
		overwrite: folderSettings.overwrite,
		stall: folderSettings.stall,
		checksum: z
			.enum(['md5', 'none'])
			.default('md5')
			.describe('Sent with every block, which the store compares, and kept with the blob.'),
		tier: z.enum(['Hot', 'Cool', 'Cold', 'Archive']).optional(),
		tags: z
			.record(
				z
					.string()
					.regex(/^[A-Za-z0-9 +\-./:=_]{1,128}$/, 'letters, digits, spaces and + - . / : = _'),
				z
					.string()
					.regex(/^[A-Za-z0-9 +\-./:=_]{0,256}$/, 'letters, digits, spaces and + - . / : = _'),
			)
			.refine((tags) => Object.keys(tags).length <= 10, { error: 'at most 10 tags' })
			.optional()
			.describe('Of the blob index.'),
		metadata: z
			.record(
				z.string().regex(IDENTIFIER, 'letters, digits and "_"'),
				z.string().regex(VISIBLE).max(1000),
			)
			.refine((all) => Object.keys(all).length <= 20, { error: 'at most 20 entries' })
			.refine((all) => !Object.keys(all).some((name) => /^capscheduler_/i.test(name)), {
				error: 'no name that begins with "capscheduler_"',
			})
			.optional(),
		cacheControl: z.string().regex(VISIBLE).max(200).optional(),
		disposition: z
			.enum(['attachment', 'none'])
			.default('none')
			.describe('`attachment`: browsers save the file under its name.'),
	})
	.refine((s) => [s.accountKey, s.sas, s.clientSecret].filter(Boolean).length === 1, {
		error: 'one of "accountKey", "sas" and "clientSecret"',
	})
	.refine(
		(s) =>
			[s.tenantId, s.clientId].every((id) => (id === undefined) === (s.clientSecret === undefined)),
		{ path: ['clientSecret'], error: '"tenantId", "clientId" and "clientSecret" together' },
	)
	.refine((s) => s.clientSecret === undefined || !s.endpoint?.startsWith('http:'), {
		path: ['endpoint'],
		error: 'https, where an application logs in by a token',
	});

export type AzureSettings = z.output<typeof azureSettingsSchema>;

/** Of the blob service, without a slash at its end. */
export function endpointOf({ endpoint, account }: AzureSettings): string {
	return (endpoint ?? `https://${account}.blob.core.windows.net`).replace(/\/+$/, '');
}

export function secretsOf({ accountKey, sas, clientSecret }: AzureSettings) {
	const [, signature] = /\bsig=([^&]+)/.exec(sas ?? '') ?? [];
	return [accountKey, sas, signature, clientSecret];
}
