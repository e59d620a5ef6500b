import { createHash } from 'node:crypto';

import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { NamedFile, PackageStep } from '../contract/packaging.ts';
import type { ArtifactRecord, ResultRecord } from '../contract/result.ts';
import type { Packaging } from '../formats/packaging.port.ts';
import { distinctNames } from '../core/delivery/filename.ts';
import { madeOnce } from './artifact.ts';
import type { Context } from './context.ts';
import { canonicalJson } from './spec-id.ts';

/** A file as it is sent. */
export interface NamedArtifact {
	artifact: ArtifactRecord;
	filename: string;
}

interface PackedArtifact extends NamedArtifact {
	/** What is in the archive, where one was made. */
	contents?: NamedFile[];
}

/** A step and its options, the secrets among them. */
export type OpenStep = (step: PackageStep, index: number) => JsonObject;

/** Bytes that the names of all steps together add at most: `.gz.zip.pgp`. */
export const PACKAGED_ROOM = 12;

/**
 * The files packed as the target wants it, step by step, each kept like the file itself: an attempt and a replay
 * send the same bytes, also where salts and session keys make every packing another one. The names are part of
 * it, for they stand in archives.
 * @param files more than one only where the first step makes an archive
 */
export async function packArtifacts(
	ctx: Context,
	files: readonly [NamedArtifact, ...NamedArtifact[]],
	about: {
		steps: readonly PackageStep[];
		open: OpenStep;
		result: ResultRecord;
		/** What an archive of several files is called by; default as the first of them. */
		filename?: string;
	},
): Promise<PackedArtifact> {
	const { steps, open, result } = about;
	let inside = namedApart(files);
	let { filename } = about;
	let contents: NamedFile[] | undefined;
	for (const [index, step] of steps.entries()) {
		const name = stepName(step);
		if (name === 'zip') {
			contents = inside.map(({ artifact: { blob }, filename }) => ({ name: filename, ...blob }));
		}
		const options = open(step, index);
		inside = [await packOnce(ctx, inside, { step, options, result, filename })];
		filename = undefined;
	}
	return { ...inside[0], ...(contents === undefined ? {} : { contents }) };
}

type Files = readonly [NamedArtifact, ...NamedArtifact[]];

function namedApart(files: Files): Files {
	const names = distinctNames(files.map(({ filename }) => filename));
	const [first, ...more] = files.map((file, at) => ({ ...file, filename: names[at]! }));
	return [first!, ...more];
}

export const stepName = (step: PackageStep): string =>
	typeof step === 'string' ? step : step.type;

interface Step {
	step: PackageStep;
	options: JsonObject;
	result: ResultRecord;
	filename: string | undefined;
}

async function packOnce(
	ctx: Context,
	files: Files,
	{ step, options, result, filename }: Step,
): Promise<NamedArtifact> {
	const packaging = findPackaging(ctx, stepName(step));
	const [first] = files;
	const { tenant, resultId, extension } = first.artifact;
	const rendering = renderingOf(files, step);
	const renamed = packaging.rename(filename ?? first.filename, extension, options);
	const artifact =
		(await ctx.store.getArtifact(tenant, resultId, rendering)) ??
		(await madeOnce({ resultId, rendering }, async () =>
			pack(ctx, files, { packaging, options, result, rendering }),
		));
	return { artifact, filename: renamed };
}

async function pack(
	ctx: Context,
	files: Files,
	about: { packaging: Packaging; options: JsonObject; result: ResultRecord; rendering: string },
): Promise<ArtifactRecord> {
	const { packaging, options, result, rendering } = about;
	const [{ artifact }] = files;
	const bytes = packaging.pack(
		files.map(({ filename: name, artifact: { blob } }) => ({
			name,
			bytes: () => ctx.store.blobs.open(blob),
		})),
		{ options, modifiedAt: result.createdAt, at: ctx.clock.now() },
	);
	const size = files.reduce((sum, file) => sum + file.artifact.blob.size, 0);
	const staged = await ctx.store.blobs.stage(bytes, { maxBytes: boundOf(size) });
	const { notices } = artifact;
	const made: ArtifactRecord = {
		tenant: artifact.tenant,
		resultId: artifact.resultId,
		rendering,
		format: artifact.format,
		contentType: packaging.contentType(options),
		extension: packaging.extension(artifact.extension, options),
		blob: staged.ref,
		...(notices === undefined ? {} : { notices }),
		createdAt: ctx.clock.now(),
	};
	await ctx.store.putArtifact(made, staged.inline);
	// another engine may have been faster, and its salts are others
	return (await ctx.store.getArtifact(made.tenant, made.resultId, rendering)) ?? made;
}

/** What does not shrink grows by a little; armor by a third and its line ends. */
const boundOf = (size: number): number => Math.ceil(size * 1.4 + 1_000_000);

/** Sealed secrets stand for themselves: a hash of a password could be guessed from what is stored. */
function renderingOf(files: Files, step: PackageStep): string {
	const hash = createHash('sha256');
	const what = typeof step === 'string' ? step : canonicalJson(step as unknown as JsonObject);
	const [first, ...more] = files;
	hash.update(`${first.artifact.rendering}\n${what}\n${first.filename}`);
	for (const { artifact, filename } of more) hash.update(`\n${artifact.rendering}\n${filename}`);
	return hash.digest('hex');
}

export function findPackaging(ctx: Pick<Context, 'packagings'>, name: string): Packaging {
	const packaging = ctx.packagings.get(name);
	if (packaging !== undefined) return packaging;
	throw new CapError('INVALID_REQUEST', `package: this engine has no packaging "${name}"`);
}
