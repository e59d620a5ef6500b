import { createHash } from 'node:crypto';

import { CapError } from '../contract/errors.ts';
import type { ArtifactRecord, ResultRecord } from '../contract/result.ts';
import type { Context } from './context.ts';

/** A file as it is sent. */
export interface NamedArtifact {
	artifact: ArtifactRecord;
	filename: string;
}

/**
 * The file packed as the target wants it, step by step, each kept like the file itself: an attempt and a
 * replay send the same bytes. The name is part of it, for it stands in archives.
 * @param names as the target lists them; empty leaves the file as it is
 */
export async function packArtifact(
	ctx: Context,
	file: NamedArtifact,
	{ names, result }: { names: readonly string[]; result: ResultRecord },
): Promise<NamedArtifact> {
	let packed = file;
	for (const name of names) packed = await packOnce(ctx, packed, { name, result });
	return packed;
}

async function packOnce(
	ctx: Context,
	{ artifact, filename }: NamedArtifact,
	{ name, result }: { name: string; result: ResultRecord },
): Promise<NamedArtifact> {
	const packaging = ctx.packagings.get(name);
	if (packaging === undefined) {
		throw new CapError('INVALID_REQUEST', `package: this engine has no packaging "${name}"`);
	}
	const rendering = createHash('sha256')
		.update(`${artifact.rendering}\n${name}\n${filename}`)
		.digest('hex');
	const renamed = packaging.rename(filename, artifact.extension);
	const known = await ctx.store.getArtifact(artifact.tenant, artifact.resultId, rendering);
	if (known !== null) return { artifact: known, filename: renamed };
	const bytes = packaging.pack({
		name: filename,
		modifiedAt: result.createdAt,
		bytes: () => ctx.store.blobs.open(artifact.blob),
	});
	// what does not shrink grows by a little
	const maxBytes = artifact.blob.size + artifact.blob.size / 100 + 65_536;
	const staged = await ctx.store.blobs.stage(bytes, { maxBytes: Math.ceil(maxBytes) });
	const made: ArtifactRecord = {
		...artifact,
		rendering,
		contentType: packaging.contentType,
		extension: packaging.extension(artifact.extension),
		blob: staged.ref,
		createdAt: ctx.clock.now(),
	};
	await ctx.store.putArtifact(made, staged.inline);
	return { artifact: made, filename: renamed };
}
