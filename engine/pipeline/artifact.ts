import { createHash } from 'node:crypto';

import { AUTO_FORMAT } from '../contract/delivery.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { EventDraft } from '../contract/event.ts';
import type { ArtifactRecord, FormatNotice, ResultRecord } from '../contract/result.ts';
import type { Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { toIso } from '../contract/time.ts';
import { parseInput } from '../contract/zod-issues.ts';
import type { Format, FormatInput, ReportMeta, StoredBytes } from '../formats/format.port.ts';
import type { Context } from './context.ts';
import { sparing } from './sparing.ts';
import { canonicalJson } from './spec-id.ts';
import { findFormat } from './spec-parts.ts';

/** A result in one format. */
export interface Rendering {
	format: Format;
	options: JsonObject;
}

/** The format that was asked for, or the one that suits the result. @throws CapError FORMAT_UNSUITABLE */
export function chooseFormat(
	ctx: Context,
	result: Pick<ResultRecord, 'encoding' | 'contentType'>,
	wish: { format: string; options?: JsonObject | undefined; path: string },
): Rendering {
	const isAuto = wish.format === AUTO_FORMAT;
	const auto = result.encoding === 'bytes' ? 'raw' : 'json';
	const format = findFormat(ctx, isAuto ? auto : wish.format, wish.path);
	if (result.encoding === 'bytes' && !format.abilities.binary) {
		throw new CapError(
			'FORMAT_UNSUITABLE',
			`${wish.path}: expected a format for ${result.contentType} (such as "raw"), got "${format.name}"`,
		);
	}
	// Options belong to a format that was named: without one, those of the format that suits are its own.
	const given = isAuto ? undefined : wish.options;
	return { format, options: given ?? (parseInput(format.options, {}) as JsonObject) };
}

/** A format tells each thing once with its count; one that does not is stopped here. */
const MAX_NOTICES = 100;

const inTheMaking = new Map<string, Promise<ArtifactRecord>>();

/** Deliveries of one result that want the same file at the same time wait for it together. */
export async function madeOnce(
	{ resultId, rendering }: Pick<ArtifactRecord, 'resultId' | 'rendering'>,
	make: () => Promise<ArtifactRecord>,
): Promise<ArtifactRecord> {
	const key = `${resultId}/${rendering}`;
	let making = inTheMaking.get(key);
	if (making === undefined) {
		making = make().finally(() => inTheMaking.delete(key));
		inTheMaking.set(key, making);
	}
	return making;
}

/**
 * The result in that format, rendered once and kept: later reads, attempts and replays get the same bytes.
 */
export async function ensureArtifact(
	ctx: Context,
	about: { run: Run; spec: RunSpec; result: ResultRecord },
	{ format, options }: Rendering,
): Promise<ArtifactRecord> {
	const { result } = about;
	const hash = createHash('sha256')
		.update(`${format.name}\n${canonicalJson(options)}`)
		.digest('hex');
	if (format.name === 'raw') return asItCame(ctx, about, { format, options, hash });
	const known = await ctx.store.getArtifact(result.tenant, result.id, hash);
	if (known !== null) return known;
	return madeOnce({ resultId: result.id, rendering: hash }, async () =>
		render(ctx, about, { format, options, hash }),
	);
}

async function render(
	ctx: Context,
	about: { run: Run; spec: RunSpec; result: ResultRecord },
	{ format, options, hash }: Rendering & { hash: string },
): Promise<ArtifactRecord> {
	const { result } = about;
	const notices: FormatNotice[] = [];
	const input = await inputOf(ctx, about, notices);
	const record = recordOf(ctx, { format, options, hash }, { result, input });
	// A file is larger than what it is made of, but not without bounds.
	const maxBytes = ctx.settings.maxResultBytes * 8;
	const file = sparing(result.blob.size, format.render(input, options));
	const staged = await ctx.store.blobs.stage(file, { maxBytes });
	const artifact = {
		...record,
		blob: staged.ref,
		...(notices.length === 0 ? {} : { notices }),
	};
	await ctx.store.putArtifact(artifact, staged.inline, limitedEvents(about.run, artifact));
	return artifact;
}

/** The result's own bytes are kept with it: nothing is written, and every attempt and replay gets them again. */
async function asItCame(
	ctx: Context,
	about: { run: Run; spec: RunSpec; result: ResultRecord },
	rendering: Rendering & { hash: string },
): Promise<ArtifactRecord> {
	const { result } = about;
	const input = await inputOf(ctx, about, []);
	return { ...recordOf(ctx, rendering, { result, input }), blob: result.blob };
}

function recordOf(
	ctx: Context,
	{ format, options, hash }: Rendering & { hash: string },
	{ result, input }: { result: ResultRecord; input: FormatInput },
): Omit<ArtifactRecord, 'blob'> {
	const { contentType, extension } = format.describe?.(input, options) ?? format;
	return {
		tenant: result.tenant,
		resultId: result.id,
		rendering: hash,
		format: format.name,
		contentType,
		extension,
		createdAt: ctx.clock.now(),
	};
}

/** Nobody who watches may think that the file is whole. */
function limitedEvents(run: Run, { notices, format, createdAt }: ArtifactRecord): EventDraft[] {
	if (notices === undefined) return [];
	const subject: Record<string, string> = { runId: run.id };
	if (run.scheduleId !== null) subject['scheduleId'] = run.scheduleId;
	return [
		{
			type: 'artifact.limited',
			tenant: run.tenant,
			at: createdAt,
			subject,
			data: { format, notices: notices.map((notice) => ({ ...notice })) },
		},
	];
}

/** A stored result as its readers want it. */
export function storedBytes(ctx: Context, { encoding, blob }: ResultRecord): StoredBytes {
	return { encoding, open: (range) => ctx.store.blobs.open(blob, range) };
}

/** A stored result as formats see it. `notices` takes what the file will not show. */
export async function inputOf(
	ctx: Context,
	{ run, spec, result }: { run: Run; spec: RunSpec; result: ResultRecord },
	notices: FormatNotice[],
): Promise<FormatInput> {
	const stored = storedBytes(ctx, result);
	const tables = await ctx.findTables(stored);
	const capability = await ctx.store.getCapability(run.tenant, run.capability);
	const schema = capability?.actions[run.action]?.result;
	const meta: ReportMeta = {
		title: spec.schedule?.name ?? `${run.capability} ${run.action}`,
		capability: run.capability,
		action: run.action,
		runId: run.id,
		parameters: spec.parameters,
		nominalAt: run.nominalAt === null ? null : toIso(run.nominalAt),
		window:
			run.nominalAt === null
				? null
				: {
						start: run.windowStart === null ? null : toIso(run.windowStart),
						end: toIso(run.nominalAt),
					},
		timeZone: spec.timeZone,
		resultAt: toIso(result.createdAt),
	};
	return {
		encoding: result.encoding,
		rows: ctx.readRows(stored),
		bytes: () => stored.open(),
		binary: result.encoding === 'bytes',
		contentType: result.contentType,
		columns: result.columns,
		...(schema === undefined ? {} : { schema }),
		...(tables === undefined ? {} : { tables }),
		notice: (notice) => {
			if (notices.length < MAX_NOTICES) notices.push(notice);
		},
		meta,
	};
}
