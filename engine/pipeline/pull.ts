import { z } from 'zod';

import type { Actor } from '../contract/access.ts';
import { AUTO_FORMAT, DEFAULT_FILENAME, linkOptionsSchema } from '../contract/delivery.ts';
import { CapError } from '../contract/errors.ts';
import type { LinkId, RunId } from '../contract/ids.ts';
import { idSchema } from '../contract/ids.ts';
import { jsonObjectSchema } from '../contract/json.ts';
import type { ResultRecord } from '../contract/result.ts';
import type { Link, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { parseInput } from '../contract/zod-issues.ts';
import type { ByteRange } from '../stores/blob.port.ts';
import { chooseFormat, ensureArtifact } from './artifact.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { fileNameOf } from './file-name.ts';
import { newLink } from './follow-ups.ts';
import { findRun } from './invoke.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { findFormat } from './spec-parts.ts';

/** `POST /v1/runs/{id}/links`. */
export const linkInputSchema = z
	.strictObject({
		...linkOptionsSchema.shape,
		format: z
			.string()
			.min(1)
			.max(40)
			.optional()
			.describe("Default: the format of the schedule's delivery."),
		options: jsonObjectSchema.optional().describe('Options of the format.'),
		anyFormat: z.boolean().default(true).describe('Whether `?format=` may ask for another format.'),
	})
	.meta({ id: 'LinkInput' });

export type LinkInput = z.output<typeof linkInputSchema>;

export interface CreatedLink {
	link: Link;
	/** Shown once: only the hash of its secret is kept. */
	url: string;
}

/** A secure, expiring URL from which a run's result is pulled. */
export async function createResultLink(
	ctx: Context,
	actor: Actor,
	runId: RunId,
	input: LinkInput,
	once?: OnceRequest<CreatedLink>,
): Promise<Answered<CreatedLink>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const run = await findRun(ctx, actor, runId);
	const { spec, result } = await loadResult(ctx, run);
	const format = input.format ?? spec.delivery?.format ?? AUTO_FORMAT;
	const given =
		input.options === undefined
			? undefined
			: (parseInput(findFormat(ctx, format, 'format').options, input.options, {
					path: 'options',
				}) as Link['options']);
	const inherited = input.format === undefined ? spec.delivery?.options : undefined;
	const chosen = chooseFormat(ctx, result, { format, options: given ?? inherited, path: 'format' });
	const created = newLink(ctx, run, result.id, {
		at: ctx.clock.now(),
		expiresIn: input.expiresIn,
		maxUses: input.maxUses ?? null,
		format: chosen.format.name,
		options: chosen.options,
		anyFormat: input.anyFormat,
	});
	const subject = { runId, linkId: created.link.id };
	const stored = await ctx.store.createLink(
		created.link,
		[{ type: 'link.created', tenant: actor.tenant, at: created.link.createdAt, subject }],
		onceRecord(ctx, actor, once, created),
	);
	if (stored.replayed && once !== undefined) {
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	return { kind: 'done', answer: created };
}

export async function removeLink(ctx: Context, actor: Actor, id: LinkId): Promise<void> {
	const link = await ctx.store.findLink(id);
	if (link?.tenant !== actor.tenant) throw new CapError('NOT_FOUND', `no link ${id}`);
	await findRun(ctx, actor, link.runId);
	const at = ctx.clock.now();
	const done = await ctx.store.revokeLink(actor.tenant, id, at, [
		{ type: 'link.revoked', tenant: actor.tenant, at, subject: { linkId: id } },
	]);
	if (done === 'not_found') throw new CapError('NOT_FOUND', `no link ${id}`);
}

/** A rendered result, ready to be sent in whole or in part. */
export interface OpenedArtifact {
	contentType: string;
	filename: string;
	size: number;
	/** Lower-case hexadecimal; a strong validator for ETag. */
	sha256: string;
	/** In pieces that are good until the next one is asked for. */
	lend(range?: ByteRange): AsyncIterable<Uint8Array>;
}

/** The result of a run in the format that was asked for. */
export async function openResult(
	ctx: Context,
	actor: Actor,
	runId: RunId,
	wish: { format?: string | undefined },
): Promise<OpenedArtifact> {
	const run = await findRun(ctx, actor, runId);
	const about = await loadResult(ctx, run);
	const { delivery } = about.spec;
	return openArtifact(
		ctx,
		{ run, ...about },
		{
			format: wish.format ?? delivery?.format ?? AUTO_FORMAT,
			options: wish.format === undefined ? delivery?.options : undefined,
		},
	);
}

const TOKEN = /^(lnk_[0-9a-z]{26})\.([A-Za-z0-9_-]{43})$/;

/**
 * What a link stands for. `use` consumes one of its uses.
 * @throws CapError NOT_FOUND for what was never a link, GONE for one that is spent, expired or revoked
 */
export async function openLink(
	ctx: Context,
	token: string,
	wish: { use: boolean; format?: string | undefined },
): Promise<OpenedArtifact> {
	const [, id = '', secret = ''] = TOKEN.exec(token) ?? [];
	const parsed = idSchema('link').safeParse(id);
	const link = parsed.success ? await ctx.store.findLink(parsed.data) : null;
	const secretHash = ctx.tokens.hash(secret);
	if (link === null || !ctx.tokens.equal(link.secretHash, secretHash)) {
		throw new CapError('NOT_FOUND', 'no such link');
	}
	if (isSpent(link, ctx.clock.now())) throw spent();
	if (wish.format !== undefined && wish.format !== link.format && !link.anyFormat) {
		throw new CapError('FORBIDDEN', `this link gives "${link.format}" only`);
	}
	const run = await ctx.store.getRun(link.tenant, link.runId);
	if (run === null) throw new CapError('GONE', 'the result is no longer kept');
	const about = await loadResult(ctx, run);
	const sameFormat = wish.format === undefined || wish.format === link.format;
	// Rendered before the use is consumed: a format that does not suit costs none.
	const opened = await openArtifact(
		ctx,
		{ run, ...about },
		{
			format: wish.format ?? link.format,
			options: sameFormat && link.format !== AUTO_FORMAT ? link.options : undefined,
		},
	);
	if (wish.use) {
		const used = await ctx.store.useLink(link.id, secretHash, ctx.clock.now());
		if (used === 'not_found') throw new CapError('NOT_FOUND', 'no such link');
		if (used === 'spent') throw spent();
		ctx.metrics.count('capscheduler_link_downloads_total');
	}
	return opened;
}

function isSpent(link: Link, now: number): boolean {
	return (
		link.revokedAt !== null ||
		link.expiresAt <= now ||
		(link.maxUses !== null && link.uses >= link.maxUses)
	);
}

function spent(): CapError {
	return new CapError('GONE', 'this link has expired, was revoked, or has been used up');
}

interface LoadedResult {
	spec: RunSpec;
	result: ResultRecord;
}

/** @throws CapError NOT_FOUND for a run without a result, GONE when it is no longer kept */
export async function loadResult(ctx: Context, run: Run): Promise<LoadedResult> {
	if (run.resultId === null) {
		throw new CapError('NOT_FOUND', `${run.id} is ${run.state} and has no result`);
	}
	const result = await ctx.store.getResult(run.tenant, run.resultId);
	const spec = (await ctx.store.getSpecs([run.specId])).get(run.specId);
	if (result === null || spec === undefined)
		throw new CapError('GONE', 'the result is no longer kept');
	return { spec, result };
}

async function openArtifact(
	ctx: Context,
	about: LoadedResult & { run: Run },
	wish: { format: string; options: Link['options'] | undefined },
): Promise<OpenedArtifact> {
	const chosen = chooseFormat(ctx, about.result, { ...wish, path: 'format' });
	const artifact = await ensureArtifact(ctx, about, chosen);
	const own = artifact.format === 'raw' ? about.result.filename : undefined;
	return {
		contentType: artifact.contentType,
		filename: own ?? fileNameOf(DEFAULT_FILENAME, about, artifact),
		size: artifact.blob.size,
		sha256: artifact.blob.sha256,
		lend: (range) => ctx.store.blobs.lend(artifact.blob, range),
	};
}
