import { z } from 'zod';

import type { Sealed } from './sealed.ts';
import type { JsonObject } from './json.ts';
import { jsonObjectSchema } from './json.ts';

/** How a finished file can be packed for its delivery. */
export const PACKAGINGS = ['gzip', 'zip', 'pgp'] as const;
export type PackagingName = (typeof PACKAGINGS)[number];

/** Of each packaging, the options that are sealed when they are written and never shown again. */
export const PACKAGE_SECRETS = {
	gzip: [],
	zip: ['password'],
	pgp: ['signingKey', 'passphrase'],
} as const satisfies Record<PackagingName, readonly string[]>;

const MAX_FILES = 10;
const MAX_KEYS = 20;
const KEY_TEXT = 100_000;

const furtherFileSchema = z.strictObject({
	format: z.string().min(1).max(40).describe('Of those in `GET /v1/formats`.'),
	options: jsonObjectSchema.optional().describe('Options of the format.'),
	filename: z
		.string()
		.min(1)
		.max(255)
		.optional()
		.describe('Its name in the archive, a template; unless given, that of the target.'),
});

const gzipStep = z.strictObject({ type: z.literal('gzip') });

const zipStep = z.strictObject({
	type: z.literal('zip'),
	password: z
		.string()
		.min(8)
		.max(128)
		// other programs disagree about the bytes of anything else
		.regex(/^[\x20-\x7e]*$/, 'ASCII without control characters')
		.optional()
		.describe(
			'Encrypts the files by AES-256, as WinZip, 7-Zip and others read it. Their names stay readable.',
		),
	files: z
		.array(furtherFileSchema)
		.min(1)
		.max(MAX_FILES)
		.optional()
		.describe('The same result in further formats, in the same archive. Only as the first step.'),
});

const pgpStep = z
	.strictObject({
		type: z.literal('pgp'),
		recipients: z
			.array(z.string().min(1).max(KEY_TEXT))
			.min(1)
			.max(MAX_KEYS)
			.optional()
			.describe(
				'Public keys, armored (`-----BEGIN PGP PUBLIC KEY BLOCK-----`). Each of them can decrypt.',
			),
		signingKey: z
			.string()
			.min(1)
			.max(KEY_TEXT)
			.optional()
			.describe('A private key, armored, to sign with.'),
		passphrase: z.string().min(1).max(1000).optional().describe('Of the signing key.'),
		armor: z
			.boolean()
			.default(false)
			.describe('ASCII (`report.csv.asc`) and not binary (`report.csv.pgp`).'),
	})
	.refine((step) => step.recipients !== undefined || step.signingKey !== undefined, {
		error: '"recipients" to encrypt for, a "signingKey" to sign with, or both',
	})
	.refine((step) => step.passphrase === undefined || step.signingKey !== undefined, {
		path: ['passphrase'],
		error: 'a passphrase only together with "signingKey"',
	});

const stepSchema = z.union([
	z.enum(PACKAGINGS).exclude(['pgp']),
	z.discriminatedUnion('type', [gzipStep, zipStep, pgpStep]),
]);

export type PackageStepInput = z.output<typeof stepSchema>;

const typeOf = (step: PackageStepInput): PackagingName =>
	typeof step === 'string' ? step : step.type;

export const packageSchema = z
	.array(stepSchema)
	.max(PACKAGINGS.length)
	.refine((steps) => new Set(steps.map(typeOf)).size === steps.length, { error: 'each once' })
	.refine((steps) => steps.every((step, at) => at === 0 || !hasFiles(step)), {
		error: '"files" only in the first step: what was packed before is one file',
	})
	.meta({ uniqueItems: true })
	.describe(
		'How the file is packed, one after the other: `gzip` makes `report.csv.gz` of it, `zip` an archive `report.zip` that holds it, `pgp` encrypts or signs it.',
	);

const hasFiles = (step: PackageStepInput): boolean =>
	typeof step === 'object' && step.type === 'zip' && step.files !== undefined;

/** A further file of an archive, as kept. */
export interface FurtherFile {
	format: string;
	options: JsonObject;
	filename: string;
}

/** As kept; a name alone is a packaging without options. */
export type PackageStep =
	| PackagingName
	| {
			type: PackagingName;
			/** Those that are no secrets. */
			options: JsonObject;
			files?: FurtherFile[];
			sealed?: Record<string, Sealed>;
	  };

/** The files beside the first in the archive that the steps make; only the first step makes one of several. */
export const furtherFiles = ([step]: readonly PackageStep[] = []): readonly FurtherFile[] =>
	typeof step === 'object' ? (step.files ?? []) : [];

export const CHECKSUMS = ['sha256', 'sha512', 'md5'] as const;
export type Checksum = (typeof CHECKSUMS)[number];

export const sidecarsSchema = z
	.strictObject({
		checksums: z
			.array(z.enum(CHECKSUMS))
			.min(1)
			.max(CHECKSUMS.length)
			.refine((names) => new Set(names).size === names.length, { error: 'each once' })
			.meta({ uniqueItems: true })
			.optional()
			.describe('`report.csv.sha256` and so on, as `sha256sum -c` reads them.'),
		manifest: z
			.boolean()
			.default(false)
			.describe('`report.csv.manifest.json`: files, sizes, SHA-256, run and window.'),
		done: z
			.boolean()
			.default(false)
			.describe('`report.csv.done`, which is empty: it comes last, so whoever sees it sees all.'),
	})
	.refine(({ checksums, manifest, done }) => checksums !== undefined || manifest || done, {
		error: '"checksums", "manifest" or "done"',
	})
	.describe(
		'Small files beside the file, written once it is confirmed. For channels that keep files.',
	);

export interface Sidecars {
	checksums?: Checksum[];
	manifest: boolean;
	done: boolean;
}

/** A file inside another, or one that was sent. */
export type NamedFile = {
	name: string;
	size: number;
	/** Lower-case hexadecimal. */
	sha256: string;
};
