import type { Actor } from '../contract/access.ts';
import type { DeliveryInput } from '../contract/delivery.ts';
import { AUTO_FORMAT, DEFAULT_FILENAME } from '../contract/delivery.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { RunId } from '../contract/ids.ts';
import { policiesSchema } from '../contract/policies.ts';
import type { ResultRecord } from '../contract/result.ts';
import type { Delivery, Link, Run } from '../contract/run.ts';
import type { RunSpec, SpecRecord } from '../contract/schedule.ts';
import type { Duration } from '../contract/time.ts';
import type { DeliverInput } from '../contract/uploads.ts';
import { UPLOAD, UPLOAD_ACTIONS } from '../contract/uploads.ts';
import { isLost, isSettled } from '../core/delivery/transitions.ts';
import { wantsLink } from '../core/run/follow-ups.ts';
import { handedIn } from '../core/run/transitions.ts';
import { newRun } from '../core/schedule/occurrences.ts';
import { resolveZone } from '../core/schedule/resolve-timing.ts';
import { mayUse } from './access.ts';
import { chooseFormat } from './artifact.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { makeFollowUps, newLink } from './follow-ups.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import type { GeneratedSecrets } from './spec-parts.ts';
import { compileSpec } from './spec.ts';
import type { Upload } from './uploads.ts';
import { readBody, templateOf } from './uploads.ts';

/*
 * A delivery of its own: what is handed in becomes the result of a run that is over in the commit that adds it. All
 * that follows is what follows any run: deliveries with attempts, receipts and dead letters, replay of the same
 * bytes, links, notifications, retention.
 */

export interface HandedIn {
	run: Run;
	result: ResultRecord;
	deliveries: Delivery[];
	link: { link: Link; url: string } | null;
	/** Made by the engine and shown once, by the place in the request that they are for. */
	secrets: GeneratedSecrets;
}

/** What is known before the body is read, so that what cannot go anywhere is refused before it is sent. */
export interface HandInPlan {
	id: RunId;
	spec: SpecRecord;
	name: string | undefined;
	secrets: GeneratedSecrets;
}

/** @throws CapError naming what is wrong with the targets, their settings or names */
export async function planHandIn(
	ctx: Context,
	actor: Actor,
	input: DeliverInput,
): Promise<HandInPlan> {
	if (!mayUse(actor, UPLOAD)) {
		throw new CapError(
			'FORBIDDEN',
			`this key may use some capabilities only, and "${UPLOAD}" is not among them`,
		);
	}
	const id = ctx.newId('run');
	const { record, secrets } = await compileSpec(
		ctx,
		{
			tenant: actor.tenant,
			capability: UPLOAD,
			action: UPLOAD_ACTIONS.deliver,
			parameters: {},
			schedule: null,
			timeZone: resolveZone(input.timeZone, 'timeZone'),
			sealedFor: id,
		},
		{
			delivery: deliveryOf(input),
			callback: input.callback,
			notify: input.notify,
			policies: policiesSchema.parse({}),
		},
	);
	return { id, spec: record, name: input.name, secrets };
}

/** What a schedule's delivery means, but that a push brings no link unless one is asked for. */
function deliveryOf({ delivery, name }: DeliverInput): DeliveryInput {
	const at = delivery.targets.findIndex(({ when }) => when === 'changed');
	if (at !== -1) {
		throw inputError('INVALID_REQUEST', {
			path: `delivery.targets[${at}].when`,
			expected: '"always", "has_rows" or "no_rows": a delivery of its own has none before it',
			received: '"changed"',
		});
	}
	const mode = delivery.mode ?? (delivery.targets.length > 0 ? 'push' : 'pull');
	const template = templateOf({ name, filename: undefined });
	if (template === DEFAULT_FILENAME) return { ...delivery, mode };
	const targets = delivery.targets.map((target) => ({
		...target,
		filename: target.filename ?? template,
	}));
	return { ...delivery, mode, targets };
}

/** The bytes as they are kept, and what they are. */
export interface KeptUpload {
	result: Omit<ResultRecord, 'id' | 'tenant' | 'runId' | 'createdAt'>;
	inline: Uint8Array | null;
}

/** Reads the body to its end, to the disk. @throws CapError when it is not what it is said to be */
export async function keepUpload(
	ctx: Context,
	plan: HandInPlan,
	upload: Upload,
): Promise<KeptUpload> {
	const body = await readBody(ctx, upload);
	demandSuitable(ctx, plan.spec.spec, body);
	const { maxResultBytes: maxBytes } = ctx.settings;
	const staged = await ctx.store.blobs.stage(body.source, { maxBytes });
	const rows = body.rows?.();
	return {
		inline: staged.inline,
		result: {
			encoding: body.encoding,
			contentType: body.contentType,
			blob: staged.ref,
			...(plan.name === undefined ? {} : { filename: plan.name }),
			...(rows === undefined ? {} : { rows }),
			...(body.columns === undefined ? {} : { columns: body.columns }),
		},
	};
}

/** A format that cannot take it would only make a dead letter of it. */
function demandSuitable(
	ctx: Context,
	{ delivery }: RunSpec,
	about: Pick<ResultRecord, 'encoding' | 'contentType'>,
): void {
	if (delivery === null) return;
	if (delivery.mode !== 'push') chooseFormat(ctx, about, { ...delivery, path: 'delivery.format' });
	for (const { primary, fallbacks } of delivery.targets) {
		for (const { format, key } of [primary, ...fallbacks]) {
			const [at = '', below] = key.split('.');
			const fallback = below === undefined ? '' : `.fallback[${Number(below) - 1}]`;
			const path = `delivery.targets[${at}]${fallback}.format`;
			chooseFormat(ctx, about, { format, path });
		}
	}
}

/** Adds the run, its result, its deliveries and its link in one commit. */
export async function handIn(
	ctx: Context,
	actor: Actor,
	{ plan, kept }: { plan: HandInPlan; kept: KeptUpload },
	once?: OnceRequest<HandedIn>,
): Promise<Answered<HandedIn>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const { answer, added, end } = compose(ctx, { plan, kept });
	const stored = await ctx.store.addRuns(
		{ runs: [added], specs: [plan.spec], settle: [], end: [end], events: [] },
		onceRecord(ctx, actor, once, answer),
	);
	if (stored.replayed && once !== undefined) {
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	ctx.metrics.count('capscheduler_runs_total', { state: 'succeeded' });
	ctx.wake.poke();
	return { kind: 'done', answer };
}

function compose(ctx: Context, { plan, kept }: { plan: HandInPlan; kept: KeptUpload }) {
	const { id, secrets } = plan;
	const { spec, id: specId } = plan.spec;
	const at = ctx.clock.now();
	const added = newRun({
		id,
		spec,
		specId,
		scheduleId: null,
		trigger: 'upload',
		nominalAt: null,
		windowStart: null,
		now: at,
	});
	const { tenant } = spec;
	const result = {
		...kept.result,
		id: ctx.newId('result'),
		tenant,
		runId: id,
		createdAt: at,
	};
	const followUps = makeFollowUps(ctx, added, spec, {
		state: 'succeeded',
		resultId: result.id,
		at,
	});
	const link = linkOf(ctx, added, spec, result);
	const end = handedIn(added, spec, {
		at,
		result,
		inline: kept.inline,
		followUps: { ...followUps, links: [...followUps.links, ...(link ? [link.link] : [])] },
	});
	const run: Run = { ...added, ...end.set };
	return { answer: { run, result, deliveries: followUps.deliveries, link, secrets }, added, end };
}

function linkOf(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	result: ResultRecord,
): { link: Link; url: string } | null {
	const { delivery } = spec;
	if (delivery === null || !wantsLink(spec)) return null;
	return newLink(ctx, run, result.id, {
		at: run.createdAt,
		expiresIn: delivery.link.expiresIn,
		maxUses: delivery.link.maxUses ?? null,
		format: delivery.format,
		options: delivery.format === AUTO_FORMAT ? {} : delivery.options,
	});
}

/** Resolves with the deliveries as they are when all of them are settled, or when the time is over. */
export async function waitForDeliveries(
	ctx: Context,
	tenant: string,
	id: RunId,
	options: { within: Duration; signal: AbortSignal },
): Promise<Delivery[]> {
	const settled = Promise.withResolvers<void>();
	const stopListening = ctx.wake.onRunDelivered(id, settled.resolve);
	const stopTimer = ctx.clock.after(options.within, settled.resolve);
	const gaveUp = (): void => {
		settled.resolve();
	};
	options.signal.addEventListener('abort', gaveUp, { once: true });
	try {
		const now = await ctx.store.deliveriesOfRun(tenant, id);
		if (now.every(isSettled)) return now;
		await settled.promise;
		return await ctx.store.deliveriesOfRun(tenant, id);
	} finally {
		stopListening();
		stopTimer();
		options.signal.removeEventListener('abort', gaveUp);
	}
}

/** What became of all targets: a target is delivered when one of its chain is. */
export function stateOfAll(deliveries: readonly Delivery[]): 'pending' | 'delivered' | 'dead' {
	if (!deliveries.every(isSettled)) return 'pending';
	const targets = Map.groupBy(deliveries, ({ targetKey }) => targetKey.split('.')[0] ?? '');
	const done = [...targets.values()].every((chain) => chain.some((one) => !isLost(one)));
	return done ? 'delivered' : 'dead';
}
