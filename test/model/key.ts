import type { Run } from '../../engine/contract/run.ts';
import type { Instant } from '../../engine/contract/time.ts';
import { isOver } from '../../engine/core/run/transitions.ts';
import { T0 } from '../support/store-records.ts';
import type { Engine, Hand, Model, Pending, World } from './world.ts';
import { isSafe, TICK } from './world.ts';

/*
 * Two worlds with the same key have the same future, so only one of them is explored. Time counts from now on,
 * as far as anything can tell the difference; engines are alike, so their order is none; what a row holds for
 * people (who held it when, what the error was) decides nothing.
 */
export function keyOf(model: Model, world: World): string {
	const { schedule, now, timers, faults, acts, calling } = world;
	const timed = `schedule.due:${schedule.id}` in timers ? 't' : '-';
	const head = [
		(Math.min(now, model.horizon) - T0) / TICK,
		schedule.state[0],
		schedule.nextAt === null ? '-' : (schedule.nextAt - T0) / TICK,
		world.ledger.length,
		timed,
		faults,
		acts,
	].join();
	const runs = world.runs.map((run, at) => runKey(model, world, { run, at }));
	const engines = world.engines.map((engine) => engineKey(world, engine)).sort();
	return [head, ...runs, ...engines, pendingKey(world, calling)].join('|');
}

function runKey(model: Model, world: World, { run, at }: { run: Run; at: number }): string {
	const sent = world.lastSent[at] ?? 0;
	if (isOver(run.state)) return `${run.state}${sent}`;
	const { state, epoch, attempt } = run;
	// Of attempts that are over and in nobody's hands, nobody asks any more whether the work was done.
	const asked = model.broken.size > 0 ? -1 : askedOf(world, { run, at });
	const way = (world.onTheWay[at] ?? 0) & asked;
	const worked = (world.worked[at] ?? 0) & asked;
	return `${state}${epoch},${attempt},${timesOf(run, world.now)},${sent},${way},${worked}`;
}

function askedOf({ engines }: World, { run, at }: { run: Run; at: number }): number {
	let bits = 1 << run.epoch;
	for (const { hands } of engines) {
		const hand = hands[at];
		if (hand !== undefined) bits |= 1 << hand.run.epoch;
	}
	return bits;
}

function timesOf({ state, leaseUntil, readyAt, held, deadlineAt, beatBy }: Run, now: Instant) {
	switch (state) {
		case 'running':
			return ahead(leaseUntil, { now, past: -1, future: 1 });
		case 'queued':
		case 'retrying':
			return ahead(readyAt, { now, past: 0, future: 1 });
		default:
			return held
				? 'held'
				: ahead(deadlineAt, { now, past: 0, future: 2 }) +
						ahead(beatBy, { now, past: 0, future: 1 });
	}
}

/** In ticks, as far as it matters. */
function ahead(
	at: Instant | null,
	{ now, past, future }: { now: Instant; past: number; future: number },
): string {
	if (at === null) return '-';
	return String(Math.max(past, Math.min(future, (at - now) / TICK)));
}

function engineKey(world: World, { mode, hands, occurring, sweeping }: Engine): string {
	const inHand = hands.map((hand) => (hand === undefined ? '' : handKey(hand, world.now)));
	const occurs =
		occurring === null
			? ''
			: `${occurring.read.nextAt ?? 0}${occurring.decision.ledger.map(({ outcome }) => outcome).join()}${occurring.decision.settle.map(({ runId }) => runId).join()}`;
	return `${mode}${inHand.join(';')}/${occurs}/${pendingKey(world, sweeping)}`;
}

function handKey(hand: Hand, now: Instant): string {
	const { run, stage } = hand;
	return `${run.epoch},${run.attempt}${isSafe(hand, now) ? 's' : 'u'}${stage}`;
}

function pendingKey({ runs, now }: World, pending: Pending | null): string {
	if (pending === null) return '';
	const { what, read, settlement } = pending;
	const row = runs.find(({ id }) => id === read.id);
	const sameLease = row?.leaseUntil === read.leaseUntil ? 'l' : '-';
	const sameBeat = row?.beatBy === read.beatBy ? 'b' : '-';
	const ready = ahead(settlement.set.readyAt ?? null, { now, past: 0, future: 1 });
	const beat = ahead(settlement.set.beatBy ?? null, { now, past: 0, future: 1 });
	return `${what}${read.id}${read.state}${read.epoch},${read.attempt}${sameLease}${sameBeat}${ready}${beat}`;
}
