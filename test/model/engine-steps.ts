import { released } from '../../engine/core/run/transitions.ts';
import { outcome } from './decisions.ts';
import { claimRun, renewLeases, settleRun } from './rows.ts';
import type { Step } from './steps.ts';
import type { Answer, Hand, Model, World } from './world.ts';
import {
	isSafe,
	LEASE,
	ownerOf,
	safeFrom,
	started,
	withEngine,
	withHand,
	withNumber,
} from './world.ts';

/*
 * An engine and what it has in hand: dispatch.ts, worker.ts, session.ts. Each step is at most one commit or one
 * send; between two of them any time may pass and anybody else may do anything, so an engine that is slow, or
 * stopped by SIGSTOP, needs no step of its own.
 */

export function engineSteps(model: Model, world: World, engine: number): Step[] {
	const { mode, hands } = world.engines[engine] ?? started('down');
	const name = `engine ${engine + 1}`;
	if (mode === 'down') {
		const next = withEngine(world, engine, started('up'));
		return [{ kind: 'step', label: `${name} starts anew`, next, ops: [] }];
	}
	const steps: Step[] = [];
	if (mode === 'up') steps.push(...claims(model, world, engine));
	steps.push(...renewals(model, world, engine));
	for (const [run, hand] of hands.entries()) {
		if (hand !== undefined) steps.push(...handSteps(model, world, { engine, run, hand }));
	}
	if (world.faults > 0) {
		const less = { ...world, faults: world.faults - 1 };
		const next = withEngine(less, engine, started('down'));
		steps.push({ kind: 'fault', label: `${name} is killed`, next, ops: [] });
		if (mode === 'up') {
			const drained = withEngine(less, engine, { mode: 'draining' });
			steps.push({ kind: 'fault', label: `${name} gets SIGTERM`, next: drained, ops: [] });
		}
	}
	if (mode === 'draining' && hands.every((hand) => hand === undefined)) {
		const next = withEngine(world, engine, started('down'));
		steps.push({ kind: 'step', label: `${name} has drained and ends`, next, ops: [] });
	}
	return steps;
}

function claims({ broken }: Model, world: World, engine: number): Step[] {
	const { now } = world;
	const request = { now, owner: ownerOf(engine), leaseUntil: now + LEASE };
	const claimed = claimRun(world, request, broken);
	if (claimed === null) return [];
	const { run, rows } = claimed;
	const at = rows.runs.indexOf(run);
	const label = `engine ${engine + 1} claims run ${at + 1} under epoch ${run.epoch}`;
	const ops: Step['ops'] = [
		{ op: 'claim', owner: request.owner, leaseUntil: request.leaseUntil, run },
	];
	const hand: Hand = { run, safeUntil: safeFrom(now), stage: 'claimed' };
	const next = withHand(rows, { engine, run: at }, hand);
	const steps: Step[] = [{ kind: 'step', label, next, ops }];
	if (world.faults > 0) {
		const lost = { ...rows, faults: world.faults - 1 };
		steps.push({ kind: 'fault', label: `${label}, and the reply is lost`, next: lost, ops });
	}
	return steps;
}

function renewals({ broken }: Model, world: World, engine: number): Step[] {
	const { now } = world;
	const { hands } = world.engines[engine] ?? started('down');
	const held = hands.flatMap((hand) =>
		hand === undefined ? [] : [{ id: hand.run.id, epoch: hand.run.epoch }],
	);
	if (held.length === 0) return [];
	const leaseUntil = now + LEASE;
	const { rows, kept } = renewLeases(world, { held, leaseUntil }, broken);
	const after = hands.map((hand) => {
		if (hand === undefined) return undefined;
		if (kept.has(hand.run.id)) return { ...hand, safeUntil: safeFrom(now) };
		// Fenced: its request is broken off. An answer that is there is written, and refused.
		return hand.stage === 'claimed' || hand.stage === 'sent' ? undefined : hand;
	});
	const fenced = after.some((hand, at) => hand === undefined && hands[at] !== undefined);
	const label = `engine ${engine + 1} renews its leases`;
	const ops: Step['ops'] = [{ op: 'renew', held, leaseUntil, kept }];
	const next = withEngine(rows, engine, { hands: after });
	const steps: Step[] = [
		{
			...{ kind: 'step', label, next, ops },
			...(fenced ? { witness: 'a renewal told its holder that it was replaced' } : {}),
		},
	];
	if (world.faults > 0 && kept.size > 0) {
		const lost = { ...rows, faults: world.faults - 1 };
		steps.push({ kind: 'fault', label: `${label}, and the reply is lost`, next: lost, ops });
	}
	return steps;
}

interface InHand {
	engine: number;
	run: number;
	hand: Hand;
}

function handSteps(model: Model, world: World, held: InHand): Step[] {
	const { engine, hand } = held;
	const draining = world.engines[engine]?.mode === 'draining';
	switch (hand.stage) {
		case 'claimed':
			return draining ? givenBack(model, world, held) : sends(model, world, held);
		case 'sent':
			return answers(model, world, held, draining);
		default:
			return writes(model, world, { ...held, answer: hand.stage });
	}
}

/** What is claimed and not sent when a drain begins. */
function givenBack({ broken }: Model, world: World, { engine, run, hand }: InHand): Step[] {
	const settlement = released(hand.run, { at: world.now });
	const { rows, applied } = settleRun(world, settlement, broken);
	return [
		{
			kind: 'step',
			label: `engine ${engine + 1} gives run ${run + 1} back`,
			next: withHand(rows, { engine, run }, undefined),
			ops: [{ op: 'settle', settlement, applied }],
			witness: applied ? 'a claim was given back' : 'a stale write was refused',
			broke: staleWrite(world, { run, epoch: hand.run.epoch, applied }),
		},
	];
}

function sends({ broken }: Model, world: World, { engine, run, hand }: InHand): Step[] {
	const { epoch } = hand.run;
	const name = `engine ${engine + 1}`;
	if (!isSafe(hand, world.now) && !broken.has('send')) {
		return [
			{
				kind: 'step',
				label: `${name} finds its lease of run ${run + 1} too old to send`,
				next: withHand(world, { engine, run }, undefined),
				ops: [],
				witness: 'a holder found its lease too old to send',
			},
		];
	}
	const last = world.lastSent[run] ?? 0;
	const sent = withHand(world, { engine, run }, { ...hand, stage: 'sent' });
	return [
		{
			kind: 'step',
			label: `${name} begins the request of run ${run + 1} under epoch ${epoch}`,
			next: {
				...sent,
				lastSent: withNumber(world.lastSent, run, epoch),
				onTheWay: withNumber(world.onTheWay, run, (world.onTheWay[run] ?? 0) | (1 << epoch)),
			},
			ops: [],
			broke:
				epoch > last
					? undefined
					: `a request under epoch ${epoch} was begun after one under ${last}: epochs must rise`,
		},
	];
}

function answers(
	{ sizes }: Model,
	world: World,
	{ engine, run, hand }: InHand,
	draining: boolean,
): Step[] {
	const bit = 1 << hand.run.epoch;
	const worked = ((world.worked[run] ?? 0) & bit) !== 0;
	const arrived = worked || ((world.onTheWay[run] ?? 0) & bit) !== 0;
	const hears = (kind: Step['kind'], stage: Answer, label: string): Step => ({
		kind,
		label: `engine ${engine + 1} ${label} run ${run + 1}`,
		next: withHand(world, { engine, run }, { ...hand, stage }),
		ops: [],
	});
	return [
		hears('step', 'error', 'gets no answer for'),
		...(sizes.mode === 'sync' && worked ? [hears('target', 'done', 'gets the answer for')] : []),
		...(sizes.mode === 'async' && arrived ? [hears('target', 'accepted', 'gets a 202 for')] : []),
		...(draining ? [hears('step', 'gave_up', 'breaks off the request of')] : []),
	];
}

function writes(
	model: Model,
	world: World,
	{ engine, run, hand, answer }: InHand & { answer: Answer },
): Step[] {
	const settlement = outcome(model, hand.run, { answer, at: world.now });
	const { rows, applied } = settleRun(world, settlement, model.broken);
	const { epoch } = hand.run;
	const label = `engine ${engine + 1} writes "${answer}" of run ${run + 1} under epoch ${epoch}${applied ? '' : ': refused'}`;
	const step: Step = {
		kind: 'step',
		label,
		next: withHand(rows, { engine, run }, undefined),
		ops: [{ op: 'settle', settlement, applied }],
		broke: staleWrite(world, { run, epoch, applied }),
		...(applied ? {} : { witness: 'a stale write was refused' }),
	};
	if (!applied || world.faults === 0) return [step];
	// It is written again while the lease lasts, and else dropped.
	const kept = isSafe(hand, world.now) ? hand : undefined;
	const lost = { ...withHand(rows, { engine, run }, kept), faults: world.faults - 1 };
	return [step, { ...step, kind: 'fault', label: `${label}, and the reply is lost`, next: lost }];
}

function staleWrite(
	world: World,
	{ run, epoch, applied }: { run: number; epoch: number; applied: boolean },
): string | undefined {
	const now = world.runs[run]?.epoch;
	return applied && epoch !== now
		? `a write under epoch ${epoch} changed run ${run + 1}, which is at epoch ${now ?? 0}`
		: undefined;
}
