import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';

import { folderSettings } from '../shared/remote-settings.ts';
import { caSchema } from '../shared/tls.ts';

const VISIBLE = /^[\x20-\x7e]*$/;
const KEY =
	'the JSON of a service account key, with "client_email", "private_key" and "token_uri", as the console gives it';

/** What is used of the key file. */
const accountSchema = z.object({
	type: z.literal('service_account'),
	client_email: z.string().min(3).max(320),
	private_key_id: z.string().max(200).optional(),
	private_key: z.string().max(20_000).refine(isRsaKey),
	token_uri: z.url({ protocol: /^https$/ }).max(2048),
});

export type ServiceAccount = z.output<typeof accountSchema>;

export const gcsSettingsSchema = z.strictObject({
	bucket: z.string().regex(/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, 'the name of a bucket'),
	serviceAccountKey: z
		.string()
		.max(30_000)
		.refine((text) => accountIn(text) !== null, { error: KEY })
		.describe('The JSON of a service account key, as text.'),
	endpoint: z
		.url({ protocol: /^https?$/, error: 'an http or https URL' })
		.max(2048)
		.default('https://storage.googleapis.com'),
	ca: caSchema.optional().describe('A private authority in PEM; given, it alone is trusted.'),
	folder: folderSettings.folder.describe('What names begin with; empty: the bucket itself.'),
	overwrite: folderSettings.overwrite,
	stall: folderSettings.stall,
	storageClass: z
		.enum(['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'])
		.optional()
		.describe("Not given: the bucket's."),
	kmsKeyName: z
		.string()
		.regex(/^projects\/[\w/.-]{1,500}$/, 'a key like "projects/…/cryptoKeys/…"')
		.optional(),
	metadata: z
		.record(
			z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'letters, digits and "-"'),
			z.string().regex(VISIBLE).max(1000),
		)
		.refine((all) => Object.keys(all).length <= 20, { error: 'at most 20 entries' })
		.refine((all) => !Object.keys(all).some((name) => /^capscheduler-/i.test(name)), {
			error: 'no name that begins with "capscheduler-"',
		})
		.optional(),
	cacheControl: z.string().regex(VISIBLE).max(200).optional(),
	disposition: z
		.enum(['attachment', 'none'])
		.default('none')
		.describe('`attachment`: browsers save the file under its name.'),
});

export type GcsSettings = z.output<typeof gcsSettingsSchema>;

function accountIn(text: string): ServiceAccount | null {
	try {
		return accountSchema.parse(JSON.parse(text));
	} catch {
		return null;
	}
}

/** The key file, which the schema has judged. */
export function accountOf({ serviceAccountKey }: GcsSettings): ServiceAccount {
	return accountSchema.parse(JSON.parse(serviceAccountKey));
}

function isRsaKey(pem: string): boolean {
	try {
		return createPrivateKey(pem).asymmetricKeyType === 'rsa';
	} catch {
		return false;
	}
}

export function originOf({ endpoint }: GcsSettings): string {
	return new URL(endpoint).origin;
}
