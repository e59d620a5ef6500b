import type { RunSettlement } from '../contract/change.ts';
import type { Capability } from '../contract/capability.ts';
import type { PreviousRun, RequestEnvelope } from '../contract/envelope.ts';
import { CapError } from '../contract/errors.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { ResultRecord } from '../contract/result.ts';
import type { Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { RetryReason } from '../contract/policies.ts';
import { ON_TIME_WITHIN } from '../contract/policies.ts';
import { toIso } from '../contract/time.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { AttemptFailure } from '../core/run/outcome.ts';
import { afterFailure, afterLostLease, heartbeatLost } from '../core/run/outcome.ts';
import { accepted, beatByAfter, released, succeeded } from '../core/run/transitions.ts';
import type {
	ResultBody,
	SessionAdapter,
	SessionFailure,
	SessionOutcome,
} from '../sessions/session.port.ts';
import { bindingOf } from './capabilities.ts';
import type { Context } from './context.ts';
import { makeFollowUps } from './follow-ups.ts';
import { isStoreTrouble } from './own-trouble.ts';
import type { Held } from './in-hand.ts';

/** One attempt of a run: what it takes, and the settlement that it ends in (null: it is somebody else's now). */
export async function attempt(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	held: Held,
): Promise<RunSettlement | null> {
	let prepared: Prepared | AttemptFailure;
	try {
		prepared = await prepare(ctx, run);
	} catch (error) {
		// Nothing was sent: the run goes back as soon as the store takes it.
		if (isStoreTrouble(error)) return released(run, { at: ctx.clock.now() });
		throw error;
	}
	if ('error' in prepared) return settleFailure(ctx, run, spec, prepared);
	const { adapter, settings, action } = prepared;
	const begun = ctx.clock.now();
	const timeout = spec.policies.timeout;
	const deadlineAt = begun + timeout;
	const envelope = envelopeOf(ctx, run, spec, { ...prepared, deadlineAt, firedAt: begun });
	const why = held.reason();
	// Nothing was sent. Where somebody else has the run by now, the write changes nothing.
	const late = why === undefined && !held.leaseIsSafe();
	if (why === 'drain' || late) return released(run, { at: begun });
	if (why !== undefined) return null;

	const stopTimer = ctx.clock.after(timeout, () => {
		held.abort('timeout');
	});
	const stopWatch = watchBeats(ctx, run, spec, held);
	try {
		ctx.faults.hit('send.before');
		const outcome = await adapter.invoke({
			envelope,
			settings,
			actionSettings: action.binding,
			action,
			idempotencyKey: run.id,
			signal: held.signal,
			timeout,
			maxResultBytes: ctx.settings.maxResultBytes,
		});
		ctx.faults.hit('send.after');
		return await settleOutcome(ctx, run, spec, { outcome, held, deadlineAt });
	} finally {
		stopTimer();
		stopWatch();
	}
}

/**
 * Breaks the attempt off when its capability, having given a sign of life in the open request, gives no
 * other in time. Signs come to any engine, so the row tells of them.
 */
function watchBeats(ctx: Context, run: Run, spec: RunSpec, held: Held): () => void {
	const { heartbeat } = spec.policies;
	if (heartbeat === undefined) return () => undefined;
	let stopped = false;
	let cancel: () => void = () => undefined;
	const look = async (): Promise<void> => {
		// A store that cannot be read right now says nothing of the capability: look again later.
		const now = await ctx.store.getRun(run.tenant, run.id).catch(() => null);
		if (stopped) return;
		const beatBy = now?.epoch === run.epoch ? now.beatBy : null;
		const left = beatBy === null ? heartbeat : beatBy - ctx.clock.now();
		if (left <= 0) held.abort('heartbeat');
		else lookIn(left);
	};
	const lookIn = (wait: Duration): void => {
		cancel = ctx.clock.after(wait, () => void look());
	};
	lookIn(heartbeat);
	return () => {
		stopped = true;
		cancel();
	};
}

type Binding = { adapter: SessionAdapter; settings: JsonObject };
type Prepared = Binding & {
	action: Capability['actions'][string];
	/** Undefined where the binding does not ask for it. */
	previous: PreviousRun | null | undefined;
};

/** All that an attempt needs of the store before it sends. */
async function prepare(ctx: Context, run: Run): Promise<Prepared | AttemptFailure> {
	const capability = await ctx.store.getCapability(run.tenant, run.capability);
	if (capability === null) {
		return lost('CAPABILITY_MISSING', `capability "${run.capability}" is not registered any more`);
	}
	const binding = reach(ctx, capability);
	if ('error' in binding) return binding;
	const action = capability.actions[run.action];
	if (action === undefined) {
		const message = `capability "${run.capability}" has no action "${run.action}" any more`;
		return lost('CAPABILITY_MISSING', message);
	}
	const { adapter, settings } = binding;
	const previous = settings['previous'] === true ? await previousOf(ctx, run) : undefined;
	return { adapter, settings, action, previous };
}

function reach(ctx: Context, capability: Capability): Binding | AttemptFailure {
	const adapter = ctx.sessions.get(capability.binding.type);
	if (adapter === undefined) {
		return lost('CAPABILITY_MISSING', `this engine has no binding "${capability.binding.type}"`);
	}
	try {
		return { adapter, settings: settingsOf(ctx, capability) };
	} catch (error) {
		// Its secrets cannot be opened, for example because their key was taken away. Nothing was sent.
		if (error instanceof CapError) return lost('CAPABILITY_MISSING', error.message);
		throw error;
	}
}

function lost(code: 'CAPABILITY_MISSING', message: string): AttemptFailure {
	return { error: { code, message }, outcome: 'failed', retry: 'never' };
}

const SETTINGS_KEPT = 1000;

/** Settings with secrets that were opened. */
interface Opened {
	/** By what tells one revision from all others. */
	byKey: Map<string, JsonObject>;
	/** A store that keeps what it read gives the same object again: its key need not be made (0.5 µs). */
	byCapability: WeakMap<Capability, JsonObject>;
}
const openedSettings = new WeakMap<Context, Opened>();

/** Settings with secrets, opened once a revision: opening costs more than a send. */
function settingsOf(ctx: Context, capability: Capability): JsonObject {
	let opened = openedSettings.get(ctx);
	if (opened === undefined) {
		opened = { byKey: new Map(), byCapability: new WeakMap() };
		openedSettings.set(ctx, opened);
	}
	const { byKey, byCapability } = opened;
	const known = byCapability.get(capability);
	if (known !== undefined) return known;
	const { tenant, name, revision, createdAt, updatedAt } = capability;
	const key = `${tenant}/${name}/${revision}/${createdAt}/${updatedAt}`;
	let settings = byKey.get(key);
	if (settings === undefined) {
		settings = bindingOf(ctx, capability);
		if (byKey.size >= SETTINGS_KEPT) byKey.clear();
		byKey.set(key, settings);
		// only what is first read of a revision: other stores read it anew each time
		byCapability.set(capability, settings);
	}
	return settings;
}

function envelopeOf(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	about: Binding & {
		deadlineAt: Instant;
		firedAt: Instant;
		previous: PreviousRun | null | undefined;
	},
): RequestEnvelope {
	const { adapter, settings, deadlineAt, firedAt, previous } = about;
	const envelope: RequestEnvelope = {
		specVersion: '1.0',
		requestId: run.id,
		attempt: run.attempt,
		epoch: run.epoch,
		capability: run.capability,
		action: run.action,
		parameters: spec.parameters,
		mode: settings['mode'] === 'async' ? 'async' : 'sync',
		...(previous === undefined ? {} : { previous }),
		tenant: run.tenant,
		deadline: toIso(deadlineAt),
	};
	if (spec.schedule !== null) {
		const dueAt = run.nominalAt ?? run.createdAt;
		envelope.schedule = {
			...spec.schedule,
			nominalAt: run.nominalAt === null ? null : toIso(run.nominalAt),
			...(run.movedFrom === null ? {} : { movedFrom: toIso(run.movedFrom) }),
			dueAt: toIso(dueAt),
			firedAt: toIso(firedAt),
			timeZone: spec.timeZone,
			late: firedAt - dueAt > ON_TIME_WITHIN,
			trigger: run.trigger,
		};
	}
	if (run.nominalAt !== null) {
		envelope.window = {
			start: run.windowStart === null ? null : toIso(run.windowStart),
			end: toIso(run.nominalAt),
		};
	}
	if (adapter.abilities.async) {
		const base = `${ctx.settings.publicUrl()}/v1/sessions/${run.id}`;
		envelope.callback = {
			url: `${base}/complete`,
			heartbeatUrl: `${base}/heartbeat`,
			token: ctx.tokens.sessionToken(run.id, run.epoch),
		};
	}
	return envelope;
}

/** Asked for by few, so it costs the others nothing. */
async function previousOf(ctx: Context, run: Run): Promise<PreviousRun | null> {
	const { tenant, scheduleId } = run;
	if (scheduleId === null) return null;
	const filter = { scheduleId, state: 'succeeded' } as const;
	const [last] = (await ctx.store.listRuns(tenant, filter, { limit: 1 })).items;
	if (last === undefined || last.resultId === null) return null;
	const result = await ctx.store.getResult(tenant, last.resultId);
	if (result === null) return null;
	const { blob, contentType, createdAt, rows } = result;
	return {
		runId: last.id,
		nominalAt: last.nominalAt === null ? null : toIso(last.nominalAt),
		resultAt: toIso(createdAt),
		rows: rows ?? null,
		...blob,
		contentType,
	};
}

async function settleOutcome(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	ended: { outcome: SessionOutcome; held: Held; deadlineAt: Instant },
): Promise<RunSettlement | null> {
	const { outcome, held, deadlineAt } = ended;
	if (outcome.kind === 'accepted') {
		const at = ctx.clock.now();
		return accepted(run, { at, deadlineAt, beatBy: beatByAfter(at, spec.policies, deadlineAt) });
	}
	if (outcome.kind === 'failed')
		return settleBrokenOff(ctx, run, spec, { held, failure: outcome.failure });
	try {
		return await settleResult(ctx, run, spec, outcome.body);
	} catch (error) {
		return settleBrokenOff(ctx, run, spec, { held, failure: failureOf(error) });
	}
}

/** Keeps the body as the run's result. The body is read here, so this may fail half way. */
export async function settleResult(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	body: ResultBody,
): Promise<RunSettlement> {
	const staged = await ctx.store.blobs.stage(body.source, {
		maxBytes: ctx.settings.maxResultBytes,
	});
	const at = ctx.clock.now();
	const rows = body.rows?.();
	const result: ResultRecord = {
		id: ctx.newId('result'),
		tenant: run.tenant,
		runId: run.id,
		encoding: body.encoding,
		contentType: body.contentType,
		blob: staged.ref,
		createdAt: at,
		...(body.filename === undefined ? {} : { filename: body.filename }),
		...(rows === undefined ? {} : { rows }),
		...(body.columns === undefined ? {} : { columns: body.columns }),
	};
	return succeeded(run, spec, {
		at,
		result,
		inline: staged.inline,
		followUps: makeFollowUps(ctx, run, spec, { state: 'succeeded', resultId: result.id, at }),
	});
}

/** A body that broke off half way. */
function failureOf(error: unknown): SessionFailure {
	if (!(error instanceof CapError)) throw error;
	const { code, message, retry, retryAfter } = error;
	const reason = BROKEN_OFF[code];
	return {
		code,
		message,
		retry,
		...(reason === undefined ? {} : { reason }),
		...(retryAfter === undefined ? {} : { retryAfter }),
	};
}

const BROKEN_OFF: Partial<Record<ErrorCode, RetryReason>> = {
	TIMEOUT: 'timeout',
	TARGET_UNREACHABLE: 'network',
	TARGET_PROTOCOL: 'network',
};

function settleBrokenOff(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	{ held, failure }: { held: Held; failure: SessionFailure },
): RunSettlement | null {
	const at = ctx.clock.now();
	switch (held.reason()) {
		case 'cancelled':
		case 'fenced':
			// Whoever took the run away has written what became of it.
			return null;
		case 'drain':
			return afterLostLease(run, spec, {
				at,
				followUps: (state) => makeFollowUps(ctx, run, spec, { state, resultId: null, at }),
			});
		case 'timeout': {
			const message = `no answer within ${spec.policies.timeout} ms`;
			return settleFailure(ctx, run, spec, {
				error: { code: 'TIMEOUT', message },
				outcome: 'timeout',
				retry: 'later',
				reason: 'timeout',
			});
		}
		case 'heartbeat':
			return settleFailure(ctx, run, spec, heartbeatLost(spec));
		case undefined:
			return settleFailure(ctx, run, spec, attemptFailure(failure));
	}
}

export function attemptFailure(failure: SessionFailure): AttemptFailure {
	const { code, message, detail, retry, reason, retryAfter, waits, pause } = failure;
	return {
		error: { code, message, ...(detail === undefined ? {} : { detail }) },
		outcome: code === 'TIMEOUT' ? 'timeout' : 'failed',
		retry,
		reason,
		retryAfter,
		waits,
		pause,
	};
}

export function settleFailure(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	failure: AttemptFailure,
): RunSettlement {
	const at = ctx.clock.now();
	return afterFailure(run, spec, failure, {
		at,
		followUps: (state) => makeFollowUps(ctx, run, spec, { state, resultId: null, at }),
	});
}
