import { z } from 'zod';

import { folderSettings } from '../shared/remote-settings.ts';
import { caSchema } from '../shared/tls.ts';

const NAME = /^[A-Za-z0-9-]{1,64}$/;
const VISIBLE = /^[\x20-\x7e]*$/;

const CHECKSUMS = ['crc32', 'crc32c', 'sha1', 'sha256', 'none'] as const;

export const s3SettingsSchema = z
	.strictObject({
		bucket: z
			.string()
			.regex(
				/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}$/,
				'the name of a bucket: 2 to 254 letters, digits, ".", "_" and "-"',
			),
		region: z.string().regex(NAME, 'a region like "eu-central-1"').default('us-east-1'),
		endpoint: z
			.url({ protocol: /^https?$/, error: 'an http or https URL' })
			.max(2048)
			.optional()
			.describe('Of a compatible store; not given: AWS.'),
		pathStyle: z
			.boolean()
			.default(false)
			.describe(
				'`https://host/bucket/key` and not `https://bucket.host/key`; most own stores want it.',
			),
		accessKeyId: z
			.string()
			.regex(/^[\x21-\x7e]{1,200}$/, 'an access key id')
			.optional(),
		secretAccessKey: z.string().min(1).max(500).optional(),
		sessionToken: z.string().min(1).max(4000).optional(),
		ca: caSchema.optional().describe('A private authority in PEM; given, it alone is trusted.'),
		folder: folderSettings.folder.describe('What keys begin with; empty: the bucket itself.'),
		overwrite: folderSettings.overwrite,
		stall: folderSettings.stall,
		checksum: z
			.enum(CHECKSUMS)
			.default('crc32')
			.describe('Sent along and kept by the store; `none` for stores that know none of them.'),
		conditional: z
			.boolean()
			.default(true)
			.describe('Writes with `If-None-Match: *` unless it replaces; false for stores without it.'),
		storageClass: z
			.string()
			.regex(/^[A-Z_]{1,40}$/, 'a class like "STANDARD_IA"')
			.optional(),
		sse: z.enum(['AES256', 'aws:kms']).optional().describe('Encryption at rest by the store.'),
		kmsKeyId: z.string().regex(VISIBLE).max(2048).optional(),
		tags: z
			.record(z.string().min(1).max(128), z.string().max(256))
			.refine((tags) => Object.keys(tags).length <= 10, { error: 'at most 10 tags' })
			.optional(),
		metadata: z
			.record(
				z.string().regex(NAME, 'letters, digits and "-"'),
				z.string().regex(VISIBLE).max(1000),
			)
			.refine((all) => Object.keys(all).length <= 20, { error: 'at most 20 entries' })
			.refine((all) => !Object.keys(all).some((name) => /^capscheduler-/i.test(name)), {
				error: 'no name that begins with "capscheduler-"',
			})
			.optional(),
		disposition: z
			.enum(['attachment', 'none'])
			.default('none')
			.describe('`attachment`: browsers save the file under its name.'),
	})
	.refine((s) => (s.accessKeyId === undefined) === (s.secretAccessKey === undefined), {
		path: ['secretAccessKey'],
		error: '"accessKeyId" and "secretAccessKey" together',
	})
	.refine((s) => s.kmsKeyId === undefined || s.sse === 'aws:kms', {
		path: ['kmsKeyId'],
		error: 'a key only together with "sse": "aws:kms"',
	});

export type S3Settings = z.output<typeof s3SettingsSchema>;
