import type { Target } from '../contract/delivery.ts';
import { AUTO_FORMAT } from '../contract/delivery.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { furtherFiles } from '../contract/packaging.ts';
import type { ArtifactRecord, ResultRecord } from '../contract/result.ts';
import type { Delivery, Run, SentArtifact } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { filenameOf } from '../core/delivery/filename.ts';
import type { Rendering } from './artifact.ts';
import { chooseFormat, ensureArtifact, storedBytes } from './artifact.ts';
import type { Context } from './context.ts';
import { fileNameOf } from './file-name.ts';
import type { NamedArtifact } from './package.ts';
import { PACKAGED_ROOM, packArtifacts, stepName } from './package.ts';
import type { PackageOwner } from './package-steps.ts';
import { demandUnpacked, stepOpener } from './package-steps.ts';
import type { Reached } from './reach.ts';
import { demandAllowed } from './reach.ts';
import { SIDECAR_ROOM } from './sidecars.ts';
import { targetPrefix } from './spec-parts.ts';

interface About {
	run: Run;
	spec: RunSpec;
	result: ResultRecord;
}

/** The bytes of a delivery, as they are kept for it, and what they are called. */
export async function renderDelivery(
	ctx: Context,
	delivery: Delivery,
	about: About & { reached: Reached },
): Promise<SentArtifact> {
	const { target } = delivery;
	const { channel, settings } = about.reached;
	const required = channel.format?.(settings);
	const { package: steps = [] } = target;
	demandUnpacked(steps, { channel: channel.name, format: required, path: 'package' });
	const chosen = chooseFormat(ctx, about.result, { ...wishOf(target, required), path: 'format' });
	const further = furtherOf(ctx, about, target);
	const { capability } = about.run;
	const formats = [...new Set([chosen, ...further].map(({ format }) => format.name))];
	demandAllowed(about.reached, { capability, formats });
	const room =
		(steps.length > 0 ? PACKAGED_ROOM : 0) + (target.sidecars === undefined ? 0 : SIDECAR_ROOM);
	const { files, name } = await filesOf(ctx, about, { chosen, further, target, room });
	const packed = await packArtifacts(ctx, files, {
		steps,
		filename: name,
		open: stepOpener(ctx, packageOwner(delivery)),
		result: about.result,
	});
	const { filename, contents } = packed;
	const { blob, contentType, notices } = packed.artifact;
	return {
		...blob,
		contentType,
		filename,
		formats,
		...(notices === undefined ? {} : { notices }),
		...(contents === undefined ? {} : { contents }),
	};
}

/** Whose the secrets of a delivery's packaging are. */
export function packageOwner({
	tenant,
	sealedFor,
	target,
}: Pick<Delivery, 'tenant' | 'sealedFor' | 'target'>): PackageOwner {
	return { owner: { tenant, type: 'spec', id: sealedFor }, prefix: targetPrefix(target.key) };
}

/** What a target without a format means is the channel's to say, where it can send but one. */
function wishOf(target: Target, required: string | undefined): Pick<Target, 'format' | 'options'> {
	if (required === undefined || target.format === required) return target;
	if (target.format === AUTO_FORMAT) return { format: required, options: {} };
	throw inputError('FORMAT_UNSUITABLE', {
		path: 'format',
		expected: `"${required}", which is what the channel sends with these settings`,
		received: `"${target.format}"`,
	});
}

type Further = Rendering & { filename: string };

/** The same result in further formats, in the same archive. */
function furtherOf(ctx: Context, { result }: About, target: Target): Further[] {
	return furtherFiles(target.package).map(({ format, options, filename }, index) => {
		const path = `package[0].files[${index}].format`;
		return { ...chooseFormat(ctx, result, { format, options, path }), filename };
	});
}

interface Files {
	files: [NamedArtifact, ...NamedArtifact[]];
	/** What they are called by, as one. */
	name: string;
}

/** The file, or, where an archive is made of it, all that goes into that. */
async function filesOf(
	ctx: Context,
	about: About,
	{
		chosen,
		further,
		target,
		room,
	}: { chosen: Rendering; further: readonly Further[]; target: Target; room: number },
): Promise<Files> {
	const nameOf = (artifact: ArtifactRecord, template: string): string =>
		fileNameOf(template, about, { ...artifact, room });
	const named = async (rendering: Rendering, template: string): Promise<NamedArtifact> => {
		const artifact = await ensureArtifact(ctx, about, rendering);
		return { artifact, filename: nameOf(artifact, template) };
	};
	const [step] = target.package ?? [];
	const archive = step !== undefined && stepName(step) === 'zip';
	const tables = archive ? await tableFiles(ctx, about, chosen) : [];
	const [first = await named(chosen, target.filename), ...more] = tables;
	for (const file of further) more.push(await named(file, file.filename));
	return { files: [first, ...more], name: nameOf(first.artifact, target.filename) };
}

/** Result sets that would be an archive in the archive are files of it; none for all other results. */
async function tableFiles(
	ctx: Context,
	about: About,
	{ format, options }: Rendering,
): Promise<NamedArtifact[]> {
	if (format.abilities.tables !== 'zip') return [];
	const tables = await ctx.findTables(storedBytes(ctx, about.result));
	const chosen = options['tables'] as string[] | undefined;
	const names = chosen ?? (tables ?? []).map(({ name }) => name);
	if (names.length < 2) return [];
	const files: NamedArtifact[] = [];
	for (const name of names) {
		const one: JsonObject = { ...options, tables: [name] };
		const artifact = await ensureArtifact(ctx, about, { format, options: one });
		files.push({ artifact, filename: filenameOf(name, artifact.extension) });
	}
	return files;
}
