import type { Parcel, Preview, Report, ReportLink } from '../channels/channel.port.ts';
import { AUTO_FORMAT } from '../contract/delivery.ts';
import type { Row } from '../contract/envelope.ts';
import { CapError } from '../contract/errors.ts';
import type { ResultRecord } from '../contract/result.ts';
import type { Delivery, Run, SentArtifact } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { toIso } from '../contract/time.ts';
import { chooseFormat, storedBytes } from './artifact.ts';
import type { Context } from './context.ts';
import { DEFAULT_LINK_LIFE, newLink } from './follow-ups.ts';

/** The media type of rows that can be told apart again without any doubt. */
const ROWS_TYPE = 'application/x-ndjson';

interface About {
	run: Run;
	spec: RunSpec;
}

/** A delivery as its channel sees it. */
export function parcelOf(
	ctx: Context,
	delivery: Delivery & { artifact: SentArtifact },
	about: About,
): Parcel {
	const { artifact } = delivery;
	const { run } = about;
	const readRows = (bytes: AsyncIterable<Uint8Array>): AsyncIterable<readonly Row[]> =>
		ctx.readRows({ encoding: 'ndjson', open: () => bytes })();
	return {
		deliveryId: delivery.id,
		runId: run.id,
		scheduleId: run.scheduleId,
		tenant: run.tenant,
		capability: run.capability,
		action: run.action,
		nominalAt: run.nominalAt === null ? null : toIso(run.nominalAt),
		filename: artifact.filename,
		contentType: artifact.contentType,
		size: artifact.size,
		sha256: artifact.sha256,
		open: () => ctx.store.blobs.open(artifact),
		report: reportOf(ctx, delivery, about),
		...(artifact.contentType === ROWS_TYPE ? { readRows } : {}),
	};
}

function reportOf(ctx: Context, delivery: Delivery, { run, spec }: About): Report {
	const result = async (): Promise<ResultRecord | null> =>
		run.resultId === null ? null : ctx.store.getResult(run.tenant, run.resultId);
	return {
		title: spec.schedule?.name ?? `${run.capability} ${run.action}`,
		preview: async (limit) => {
			const found = await result();
			return found === null || found.encoding === 'bytes' ? null : previewOf(ctx, found, limit);
		},
		async link() {
			const found = await result();
			if (found === null)
				throw new CapError('GONE', 'the result is no longer kept, so no link to it');
			return linkTo(ctx, found, { delivery, run, spec });
		},
	};
}

/** Reads no further than the rows that were asked for. */
async function previewOf(ctx: Context, result: ResultRecord, limit: number): Promise<Preview> {
	const stored = storedBytes(ctx, result);
	const [table] = (await ctx.findTables(stored)) ?? [];
	const batches = table === undefined ? ctx.readRows(stored)() : table.rows();
	const rows: Row[] = [];
	for await (const batch of batches) {
		rows.push(...batch.slice(0, limit + 1 - rows.length));
		if (rows.length > limit) break;
	}
	const more = rows.length > limit;
	const shown = rows.slice(0, limit);
	const declared = table === undefined ? result.columns : table.columns;
	const names = new Set(shown.flatMap((row) => Object.keys(row)));
	return {
		columns: declared ?? [...names].map((name) => ({ name })),
		rows: shown,
		total: result.rows ?? (more ? null : shown.length),
		more,
	};
}

async function linkTo(
	ctx: Context,
	result: ResultRecord,
	{ delivery, run, spec }: About & { delivery: Delivery },
): Promise<ReportLink> {
	const { target } = delivery;
	const isAuto = target.format === AUTO_FORMAT;
	const chosen = chooseFormat(ctx, result, {
		format: target.format,
		...(isAuto ? {} : { options: target.options }),
		path: 'format',
	});
	const at = ctx.clock.now();
	const { link, url } = newLink(ctx, run, result.id, {
		at,
		expiresIn: spec.delivery?.link.expiresIn ?? DEFAULT_LINK_LIFE,
		maxUses: spec.delivery?.link.maxUses ?? null,
		format: chosen.format.name,
		options: chosen.options,
	});
	const subject = { runId: run.id, linkId: link.id, deliveryId: delivery.id };
	await ctx.store.createLink(link, [{ type: 'link.created', tenant: run.tenant, at, subject }]);
	return { url, expiresAt: toIso(link.expiresAt) };
}
