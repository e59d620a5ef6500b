import { z } from 'zod';

import type { Actor } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import type { RunId } from '../contract/ids.ts';
import type { Run } from '../contract/run.ts';
import { scheduleInputSchema } from '../contract/schedule.ts';
import type { Duration } from '../contract/time.ts';
import { newRun } from '../core/schedule/occurrences.ts';
import { cancelled, isOver, unheld } from '../core/run/transitions.ts';
import { checkPolicies } from './accept.ts';
import { mayUse } from './access.ts';
import { addRun } from './acts.ts';
import { findAction } from './capabilities.ts';
import type { Answered, Context, OnceRequest, StoredResponse } from './context.ts';
import { makeFollowUps } from './follow-ups.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { checkParameters } from './parameters.ts';
import { slaWasWritten, withSla } from './sla.ts';
import type { GeneratedSecrets } from './spec-parts.ts';
import { compileSpec } from './spec.ts';

const { parameters, policies, delivery, callback, notify } = scheduleInputSchema.shape;

/** `POST /v1/capabilities/{name}/actions/{action}/invoke`. */
export const invokeInputSchema = z
	.strictObject({ parameters, policies, delivery, callback, notify })
	.meta({ id: 'InvokeInput' });

export type InvokeInput = z.output<typeof invokeInputSchema>;

export interface InvokedRun {
	run: Run;
	/** Made by the engine and shown once, by the place in the request that they are for. */
	secrets: GeneratedSecrets;
}

/** A run now, of no schedule. */
export async function invokeAction(
	ctx: Context,
	actor: Actor,
	target: { capability: string; action: string },
	input: InvokeInput,
	once?: OnceRequest<InvokedRun>,
): Promise<Answered<InvokedRun>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const { action, capability } = await findAction(ctx, actor, target);
	await checkParameters(action, input.parameters);
	checkPolicies(ctx, null, input.policies, { capability });
	const id = ctx.newId('run');
	const { record, secrets } = await compileSpec(
		ctx,
		{
			tenant: actor.tenant,
			capability: target.capability,
			action: target.action,
			parameters: input.parameters,
			schedule: null,
			timeZone: 'UTC',
			sealedFor: id,
		},
		input,
	);
	const run = newRun({
		id,
		spec: record.spec,
		specId: record.id,
		scheduleId: null,
		trigger: 'api',
		nominalAt: null,
		windowStart: null,
		now: ctx.clock.now(),
	});
	const request = once && {
		...once,
		respond: (made: Run): StoredResponse => once.respond({ run: made, secrets }),
	};
	const added = await addRun(ctx, actor, { run, specs: [record] }, request);
	return added.kind === 'done' ? { kind: 'done', answer: { run: added.answer, secrets } } : added;
}

/** A run that the actor may see. @throws CapError NOT_FOUND */
export async function findRun(ctx: Context, actor: Actor, id: RunId): Promise<Run> {
	const run = await ctx.store.getRun(actor.tenant, id);
	if (run === null || !mayUse(actor, run.capability))
		throw new CapError('NOT_FOUND', `no run ${id}`);
	return run;
}

/** Resolves with the run as it is when it has ended, or when the time is over. */
export async function waitForRun(
	ctx: Context,
	tenant: string,
	id: RunId,
	options: { within: Duration; signal: AbortSignal },
): Promise<Run> {
	const ended = Promise.withResolvers<void>();
	const stopListening = ctx.wake.onRunEnd(id, ended.resolve);
	const stopLooking = ctx.store.exclusive ? (): void => undefined : lookAgain();
	const stopTimer = ctx.clock.after(options.within, ended.resolve);
	const gaveUp = (): void => {
		ended.resolve();
	};
	options.signal.addEventListener('abort', gaveUp, { once: true });
	try {
		const now = await ctx.store.getRun(tenant, id);
		if (now !== null && isOver(now.state)) return now;
		await ended.promise;
		const then = await ctx.store.getRun(tenant, id);
		if (then === null) throw new CapError('NOT_FOUND', `no run ${id}`);
		return then;
	} finally {
		stopListening();
		stopLooking();
		stopTimer();
		options.signal.removeEventListener('abort', gaveUp);
	}

	/** Where it ends in another engine, the word of it may be lost. */
	function lookAgain(): () => void {
		let cancel = ctx.clock.after(LOOK_EVERY, function look() {
			cancel = ctx.clock.after(LOOK_EVERY, look);
			void ctx.store.getRun(tenant, id).then(
				(run) => {
					if (run === null || isOver(run.state)) ended.resolve();
				},
				() => undefined,
			);
		});
		return () => {
			cancel();
		};
	}
}

const LOOK_EVERY: Duration = 2_000;

/** Ends the run wherever it is. What the capability has done already is not undone. */
export async function cancelRun(ctx: Context, actor: Actor, id: RunId): Promise<Run> {
	const run = await findRun(ctx, actor, id);
	if (run.state === 'cancelled') return run;
	if (isOver(run.state))
		throw new CapError('RUN_OVER', `${id} is ${run.state} and cannot be cancelled`);
	const spec = (await ctx.store.getSpecs([run.specId])).get(run.specId);
	if (spec === undefined) throw new CapError('INTERNAL', `spec of ${id} is missing`);
	const at = ctx.clock.now();
	const end = cancelled(run, {
		at,
		error: { code: 'CANCELLED', message: 'cancelled by the user' },
		followUps: makeFollowUps(ctx, run, spec, { state: 'cancelled', resultId: null, at }),
	});
	const written = await withSla(ctx, run, end);
	const [applied, slaApplied] = await ctx.store.settleRuns(written);
	if (applied === true) {
		slaWasWritten(ctx, written[1], slaApplied);
		ctx.wake.abortAttempt(id, 'cancelled');
		ctx.wake.runEnded(id);
		ctx.wake.poke();
	}
	const then = await findRun(ctx, actor, id);
	if (then.state !== 'cancelled') {
		throw new CapError('RUN_OVER', `${id} is ${then.state} and cannot be cancelled`);
	}
	return then;
}

/**
 * The same work as a new run. A run that is held after an unknown outcome goes on itself instead, under the
 * same Idempotency-Key.
 */
export async function rerun(
	ctx: Context,
	actor: Actor,
	id: RunId,
	once?: OnceRequest<Run>,
): Promise<Answered<Run>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const run = await findRun(ctx, actor, id);
	if (run.trigger === 'upload') {
		throw new CapError(
			'CONFLICT',
			`${id} holds what was handed in and does no work; replay its deliveries instead`,
		);
	}
	if (run.held) return goOn(ctx, actor, run, once);
	const spec = (await ctx.store.getSpecs([run.specId])).get(run.specId);
	if (spec === undefined) throw new CapError('GONE', `what ${id} was made of is no longer kept`);
	const again: Run = {
		...newRun({
			id: ctx.newId('run'),
			spec,
			specId: run.specId,
			scheduleId: run.scheduleId,
			trigger: 'rerun',
			nominalAt: run.nominalAt,
			movedFrom: run.movedFrom,
			windowStart: run.windowStart,
			now: ctx.clock.now(),
		}),
	};
	return addRun(ctx, actor, { run: again, specs: [] }, once);
}

/** Lets a held run go again. @throws CapError CONFLICT when somebody else has decided meanwhile */
async function goOn(
	ctx: Context,
	actor: Actor,
	run: Run,
	once: OnceRequest<Run> | undefined,
): Promise<Answered<Run>> {
	const at = ctx.clock.now();
	const answer: Run = { ...run, state: 'queued', held: false, readyAt: at };
	const stored = await ctx.store.settleOnce(
		[unheld(run, { at })],
		onceRecord(ctx, actor, once, answer),
	);
	if (stored.replayed) {
		if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	if (stored.value[0] !== true) throw new CapError('CONFLICT', `${run.id} is not held any more`);
	ctx.wake.poke();
	return { kind: 'done', answer };
}
