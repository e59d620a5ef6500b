import { z } from 'zod';

import { CapError } from '../contract/errors.ts';
import type { RunSettlement } from '../contract/change.ts';
import type { RunId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import { durationSchema, toIso } from '../contract/time.ts';
import { alive, beatByAfter, isOver, progressed } from '../core/run/transitions.ts';
import type { SessionFailure, SessionOutcome } from '../sessions/session.port.ts';
import type { Context } from './context.ts';
import { settle } from './dispatch.ts';
import { attemptFailure, settleFailure, settleResult } from './session.ts';

/*
 * What capabilities call while or after they work. The attempt's token, bound to run and epoch, stands for
 * the right to do so. An early call (before the target's own 202) is as good as a later one: whichever write
 * comes first decides, the other finds the state gone. Copies of a call that was taken are answered alike.
 */

export interface CallbackAnswer {
	status: 'accepted';
	runId: string;
}

/** `POST /v1/sessions/{runId}/fail`. */
export const sessionFailureSchema = z
	.strictObject({
		code: z.string().min(1).max(100).default('FAILED').describe("The capability's own code."),
		message: z.string().max(2000).default('').describe('For people.'),
		retry: z.enum(['never', 'later']).default('never').describe('Whether trying again can help.'),
		retryAfter: durationSchema.optional().describe('How long to wait before.'),
	})
	.meta({ id: 'SessionFailure' });

export async function completeSession(
	ctx: Context,
	runId: RunId,
	token: string,
	body: { contentType: string | undefined; source: AsyncIterable<Uint8Array> },
): Promise<CallbackAnswer> {
	const { run, spec, epoch } = await admit(ctx, runId, token);
	if (run.state === 'succeeded' && run.epoch === epoch) return taken(run);
	demandOpen(run, epoch);
	const outcome = await ctx.readAnswer(body, { maxResultBytes: ctx.settings.maxResultBytes });
	const settlement = await settlementOf(ctx, run, spec, outcome);
	return write(ctx, run, settlement, 'succeeded');
}

async function settlementOf(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	outcome: SessionOutcome,
): Promise<RunSettlement> {
	switch (outcome.kind) {
		case 'result':
			return settleResult(ctx, run, spec, outcome.body);
		case 'failed':
			// An envelope that says so; a body that cannot be read is the caller's mistake and changes nothing.
			if (outcome.failure.code !== 'CAPABILITY_FAILED') throw unreadable(outcome.failure);
			return settleFailure(ctx, run, spec, attemptFailure(outcome.failure));
		case 'accepted':
			throw new CapError(
				'INVALID_REQUEST',
				'status: expected "succeeded" or "failed", got "accepted"',
			);
	}
}

function unreadable({ code, message }: SessionFailure): CapError {
	return new CapError(code === 'RESULT_TOO_LARGE' ? 'BODY_TOO_LARGE' : 'INVALID_REQUEST', message);
}

export async function failSession(
	ctx: Context,
	runId: RunId,
	token: string,
	error: z.output<typeof sessionFailureSchema>,
): Promise<CallbackAnswer> {
	const { run, spec, epoch } = await admit(ctx, runId, token);
	if (wasFailedByCallback(run, epoch)) return taken(run);
	demandOpen(run, epoch);
	const settlement = settleFailure(
		ctx,
		run,
		spec,
		attemptFailure({
			code: 'CAPABILITY_FAILED',
			message: error.message === '' ? error.code : error.message,
			detail: error.code,
			retry: error.retry,
			...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
		}),
	);
	return write(ctx, run, settlement, 'failed');
}

function wasFailedByCallback(run: Run, epoch: number): boolean {
	return (
		run.epoch === epoch &&
		(run.state === 'failed' || run.state === 'retrying') &&
		run.error?.code === 'CAPABILITY_FAILED'
	);
}

export interface HeartbeatAnswer {
	/** When the attempt times out. */
	deadline: string | null;
	/** By when the next sign of life must come; null where none is asked for. */
	beatBy: string | null;
	/** The work is not wanted any more. */
	cancelled: boolean;
}

/** A sign of life. Tells the capability whether its work is still wanted, and until when. */
export async function heartbeatSession(
	ctx: Context,
	runId: RunId,
	token: string,
): Promise<HeartbeatAnswer> {
	return signOfLife(ctx, runId, token, (run, beatBy) =>
		beatBy === run.beatBy ? null : alive(run, { beatBy }),
	);
}

export async function progressSession(
	ctx: Context,
	runId: RunId,
	token: string,
	progress: JsonObject,
): Promise<HeartbeatAnswer> {
	const at = ctx.clock.now();
	return signOfLife(ctx, runId, token, (run, beatBy) => progressed(run, { at, progress, beatBy }));
}

async function signOfLife(
	ctx: Context,
	runId: RunId,
	token: string,
	decide: (run: Run, beatBy: Instant | null) => RunSettlement | null,
): Promise<HeartbeatAnswer> {
	const { run, spec, epoch } = await admit(ctx, runId, token);
	if (run.epoch === epoch && run.state === 'cancelled') {
		return { deadline: null, beatBy: null, cancelled: true };
	}
	demandOpen(run, epoch);
	const deadlineAt = deadlineOf(run, spec);
	const beatBy = run.held ? null : nextBeat(run, spec, { at: ctx.clock.now(), deadlineAt });
	const settlement = decide(run, beatBy);
	if (settlement !== null && !(await settle(ctx, settlement, run))) {
		throw over(await current(ctx, runId), epoch);
	}
	const deadline = run.held ? null : toIso(deadlineAt);
	return { deadline, beatBy: beatBy === null ? null : toIso(beatBy), cancelled: false };
}

/** Signs that follow each other quickly put nothing off: each would be a write to the disk. */
function nextBeat(
	run: Run,
	{ policies }: RunSpec,
	{ at, deadlineAt }: { at: Instant; deadlineAt: Instant },
): Instant | null {
	const next = beatByAfter(at, policies, deadlineAt);
	if (next === null || run.beatBy === null) return next;
	return next - run.beatBy < (policies.heartbeat ?? 0) / 20 ? run.beatBy : next;
}

/** While the request is open only its engine knows to the millisecond: this is no later. */
function deadlineOf(run: Run, { policies }: RunSpec): Instant {
	return run.deadlineAt ?? (run.startedAt ?? run.createdAt) + policies.timeout;
}

interface Admitted {
	run: Run;
	spec: RunSpec;
	epoch: number;
}

/** @throws CapError TOKEN_INVALID for a forged token, NOT_FOUND for the token of another run */
async function admit(ctx: Context, runId: RunId, token: string): Promise<Admitted> {
	const read = ctx.tokens.readSessionToken(token);
	if (read === null) throw new CapError('TOKEN_INVALID', 'the token is not one of this engine');
	if (read.runId !== runId) throw new CapError('NOT_FOUND', `the token is not for ${runId}`);
	const run = await current(ctx, runId);
	const spec = (await ctx.store.getSpecs([run.specId])).get(run.specId);
	if (spec === undefined) throw new CapError('GONE', `${runId} is no longer kept`);
	return { run, spec, epoch: read.epoch };
}

async function current(ctx: Context, runId: RunId): Promise<Run> {
	const run = await ctx.store.getRunById(runId);
	if (run === null) throw new CapError('NOT_FOUND', `no run ${runId}`);
	return run;
}

function demandOpen(run: Run, epoch: number): void {
	// A held run waits for somebody who knows how it went, and the capability does.
	const open = run.state === 'running' || run.state === 'waiting';
	if (!open || run.epoch !== epoch) throw over(run, epoch);
}

function over(run: Run, epoch: number): CapError {
	if (run.epoch !== epoch) {
		return new CapError(
			'STALE_EPOCH',
			`attempt ${epoch} of ${run.id} is over, it is at ${run.epoch}`,
		);
	}
	return new CapError(
		'RUN_OVER',
		isOver(run.state) ? `${run.id} is ${run.state}` : `this attempt of ${run.id} is over`,
	);
}

/** Whoever writes first has decided; copies of the same word are answered like it. */
async function write(
	ctx: Context,
	run: Run,
	settlement: RunSettlement,
	word: 'succeeded' | 'failed',
): Promise<CallbackAnswer> {
	// The request that started it may still be open (an early call); it ends by itself and is then fenced.
	if (await settle(ctx, settlement, run)) return taken(run);
	const now = await current(ctx, run.id);
	const same =
		word === 'succeeded'
			? now.state === 'succeeded' && now.epoch === run.epoch
			: wasFailedByCallback(now, run.epoch);
	if (same) return taken(run);
	throw over(now, run.epoch);
}

function taken(run: Run): CallbackAnswer {
	return { status: 'accepted', runId: run.id };
}
