import type { Actor } from '../contract/access.ts';
import { DEFAULT_FILENAME } from '../contract/delivery.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { FormatNotice } from '../contract/result.ts';
import { toIso } from '../contract/time.ts';
import type { FormatPreview, FormatQuery } from '../contract/uploads.ts';
import { UPLOAD, UPLOAD_ACTIONS } from '../contract/uploads.ts';
import { parseInput } from '../contract/zod-issues.ts';
import { parseFilename } from '../core/delivery/filename.ts';
import { resolveZone } from '../core/schedule/resolve-timing.ts';
import type { FormatInput } from '../formats/format.port.ts';
import type { ResultBody } from '../sessions/session.port.ts';
import type { ScratchBlob } from '../stores/blob.port.ts';
import type { Rendering } from './artifact.ts';
import { chooseFormat, inputOf } from './artifact.ts';
import type { Context } from './context.ts';
import type { Named } from './file-name.ts';
import { fileNameOf, nameFile } from './file-name.ts';
import { findRun } from './invoke.ts';
import { checkSchema } from './json-schema.ts';
import { loadResult } from './pull.ts';
import { sparing } from './sparing.ts';
import { findFormat } from './spec-parts.ts';

/** What somebody hands in: rows, a value or bytes, told apart by the media type. */
export interface Upload {
	contentType: string | undefined;
	source: AsyncIterable<Uint8Array>;
}

/** What is wanted of a format; `options` and `schema` as JSON that was parsed. */
export interface FormatWish extends Pick<FormatQuery, 'format' | 'filename' | 'name' | 'timeZone'> {
	options?: JsonObject | undefined;
	/** JSON Schema of the rows. */
	schema?: JsonObject | undefined;
}

/** A file on its way: its bytes are made as they are read. */
export interface FormattedFile {
	contentType: string;
	filename: string;
	bytes: AsyncIterable<Uint8Array>;
	/** What it does not show, or shows otherwise; complete once the bytes are read. */
	notices: readonly FormatNotice[];
	/** Frees what it takes; to be called however it ends. */
	close(): Promise<void>;
}

/** Each holds a file on the disk and a share of the processor while it lasts. */
const AT_ONCE = 16;
const atWork = new WeakMap<Context, number>();

/**
 * What is handed in, in another format. It is read to its end and checked before the first byte goes out: formats
 * may read it twice, few clients can send and receive at once, and an error can still be told.
 * @throws CapError for whatever is wrong with it, and RATE_LIMITED when too many are under way
 */
export async function formatUpload(
	ctx: Context,
	upload: Upload,
	wish: FormatWish,
): Promise<FormattedFile> {
	const checked = checkWish(ctx, wish);
	const leave = enter(ctx);
	let scratch: ScratchBlob | undefined;
	try {
		const body = await readBody(ctx, upload);
		const chosen = choose(ctx, body, wish, checked);
		scratch = await keep(ctx, body);
		const notices: FormatNotice[] = [];
		const stored = { encoding: body.encoding, open: scratch.open };
		const tables = await ctx.findTables(stored);
		const input: FormatInput = {
			encoding: body.encoding,
			rows: ctx.readRows(stored),
			bytes: () => stored.open(),
			binary: body.encoding === 'bytes',
			contentType: body.contentType,
			columns: body.columns,
			...schemaOf(wish),
			...(tables === undefined ? {} : { tables }),
			notice: (notice) => notices.push(notice),
			meta: metaOf(ctx, wish, checked.timeZone),
		};
		return {
			...fileOf(input, chosen, named(ctx, wish, checked.timeZone)),
			bytes: sparing(scratch.ref.size, chosen.format.render(input, chosen.options)),
			notices,
			close: async () => {
				leave();
				await scratch?.dispose();
			},
		};
	} catch (error) {
		leave();
		await scratch?.dispose();
		throw error;
	}
}

/** A result that is kept, in a format with options of its own; nothing is kept of it. */
export async function formatStored(
	ctx: Context,
	actor: Actor,
	source: Pick<FormatQuery, 'runId' | 'result'>,
	wish: FormatWish,
): Promise<FormattedFile> {
	const checked = checkWish(ctx, wish);
	const { run, spec, result } = await findStored(ctx, actor, source);
	const leave = enter(ctx);
	try {
		const chosen = choose(ctx, result, wish, checked);
		const notices: FormatNotice[] = [];
		const stored = await inputOf(ctx, { run, spec, result }, notices);
		const title = wish.name === undefined ? {} : { title: wish.name };
		const input = { ...stored, ...schemaOf(wish), meta: { ...stored.meta, ...title } };
		const { contentType, extension } = describe(input, chosen);
		const about = wish.name === undefined ? result : { filename: wish.name };
		return {
			contentType,
			filename: fileNameOf(
				templateOf(wish),
				{ run, spec, result: about },
				{ format: chosen.format.name, extension },
			),
			bytes: sparing(result.blob.size, chosen.format.render(input, chosen.options)),
			notices,
			close: () => Promise.resolve(leave()),
		};
	} catch (error) {
		leave();
		throw error;
	}
}

async function findStored(
	ctx: Context,
	actor: Actor,
	{ runId, result: id }: Pick<FormatQuery, 'runId' | 'result'>,
) {
	const kept = id === undefined ? null : await ctx.store.getResult(actor.tenant, id);
	const wanted = runId ?? kept?.runId;
	if (wanted === undefined) throw new CapError('NOT_FOUND', `no result ${id ?? ''}`);
	const run = await findRun(ctx, actor, wanted);
	return { run, ...(await loadResult(ctx, run)) };
}

/** What a file would be called, and of which type it would be. */
export function previewFormat(
	ctx: Context,
	wish: FormatPreview,
): { format: string; filename: string; contentType: string } {
	const checked = checkWish(ctx, wish);
	const { encoding, contentType } = kindOf(wish.contentType);
	const chosen = choose(ctx, { encoding, contentType }, wish, checked);
	const about = { binary: encoding === 'bytes', contentType };
	const file = fileOf(about, chosen, named(ctx, wish, checked.timeZone));
	return { format: chosen.format.name, ...file };
}

/** Only whether it is rows matters here, so the forms of rows are one. */
function kindOf(contentType = 'application/json'): Pick<ResultBody, 'encoding' | 'contentType'> {
	const isRows = /^(?:application\/(?:.*json.*)|text\/csv|application\/csv)\b/i.test(contentType);
	return { encoding: isRows ? 'json' : 'bytes', contentType };
}

const schemaOf = ({ schema }: FormatWish): Pick<FormatInput, 'schema'> =>
	schema === undefined ? {} : { schema };

interface CheckedWish {
	options: JsonObject | undefined;
	timeZone: string;
}

function checkWish(ctx: Context, wish: FormatWish): CheckedWish {
	const timeZone = resolveZone(wish.timeZone, 'timeZone');
	parseFilename(templateOf(wish), 'filename');
	if (wish.schema !== undefined) checkSchema(wish.schema, 'query.schema');
	if (wish.format === undefined) {
		if (wish.options === undefined) return { options: undefined, timeZone };
		throw inputError('INVALID_REQUEST', {
			path: 'options',
			expected: 'options only together with a format',
		});
	}
	const format = findFormat(ctx, wish.format, 'format');
	const options = parseInput(format.options, wish.options ?? {}, { path: 'options' });
	return { options: options as JsonObject, timeZone };
}

function choose(
	ctx: Context,
	about: Pick<ResultBody, 'encoding' | 'contentType'>,
	wish: FormatWish,
	{ options }: CheckedWish,
): Rendering {
	return chooseFormat(ctx, about, { format: wish.format ?? 'auto', options, path: 'format' });
}

/** Reads what it is; not yet its bytes. @throws CapError when it cannot be that */
export async function readBody(ctx: Context, upload: Upload): Promise<ResultBody> {
	const outcome = await ctx.readUpload(upload, { maxResultBytes: ctx.settings.maxResultBytes });
	if (outcome.kind === 'result') return outcome.body;
	// it never is an envelope, so nobody accepts anything
	if (outcome.kind === 'accepted') throw new CapError('INTERNAL', 'an upload that was accepted');
	throw new CapError(outcome.failure.code, outcome.failure.message);
}

function keep(ctx: Context, { source }: ResultBody): Promise<ScratchBlob> {
	const bytes = source instanceof Uint8Array ? one(source) : source;
	return ctx.store.blobs.scratch(bytes, { maxBytes: ctx.settings.maxResultBytes });
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
	yield bytes;
}

function metaOf(ctx: Context, { name }: FormatWish, timeZone: string): FormatInput['meta'] {
	return {
		title: name ?? 'Report',
		capability: UPLOAD,
		action: UPLOAD_ACTIONS.format,
		runId: null,
		parameters: {},
		nominalAt: null,
		window: null,
		timeZone,
		resultAt: toIso(ctx.clock.now()),
	};
}

function named(ctx: Context, { name, filename }: FormatWish, timeZone: string): Named & Template {
	return {
		template: templateOf({ name, filename }),
		values: {
			capability: UPLOAD,
			action: UPLOAD_ACTIONS.format,
			runId: null,
			scheduleId: null,
			scheduleName: null,
			tenant: null,
			nominalAt: ctx.clock.now(),
			windowStart: null,
			windowEnd: null,
		},
		timeZone,
		source: name,
	};
}

interface Template {
	template: string;
}

export function templateOf({ name, filename }: Pick<FormatWish, 'name' | 'filename'>): string {
	return filename ?? (name === undefined ? DEFAULT_FILENAME : '{{name}}.{{ext}}');
}

type About = Pick<FormatInput, 'binary' | 'contentType' | 'tables'>;

function describe(about: About, { format, options }: Rendering) {
	return format.describe?.(about, options) ?? format;
}

function fileOf(
	about: About,
	chosen: Rendering,
	{ template, ...how }: Named & Template,
): Pick<FormattedFile, 'contentType' | 'filename'> {
	const { contentType, extension } = describe(about, chosen);
	const filename = nameFile(template, how, { format: chosen.format.name, extension });
	return { contentType, filename };
}

/** @returns gives the place back, once however often it is called */
function enter(ctx: Context): () => void {
	const before = atWork.get(ctx) ?? 0;
	if (before >= AT_ONCE) {
		throw new CapError('RATE_LIMITED', `${AT_ONCE} files are being made already`, {
			retry: 'later',
			retryAfter: 1000,
		});
	}
	atWork.set(ctx, before + 1);
	let left = false;
	return () => {
		if (left) return;
		left = true;
		atWork.set(ctx, (atWork.get(ctx) ?? 1) - 1);
	};
}
