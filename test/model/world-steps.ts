import type { RunSettlement } from '../../engine/contract/change.ts';
import type { Run } from '../../engine/contract/run.ts';
import { alive, beatByAfter, isOver, unheld } from '../../engine/core/run/transitions.ts';
import { cancel, failure, success } from './decisions.ts';
import { engineSteps } from './engine-steps.ts';
import { settleRun } from './rows.ts';
import type { Step } from './steps.ts';
import { occurSteps, sweepSteps } from './upkeep-steps.ts';
import type { Model, Pending, World } from './world.ts';
import { TICK, withNumber } from './world.ts';

/** All that can happen next. */
export function steps(model: Model, world: World): Step[] {
	const all: Step[] = [];
	for (let engine = 0; engine < world.engines.length; engine++) {
		all.push(
			...occurSteps(model, world, engine),
			...engineSteps(model, world, engine),
			...sweepSteps(model, world, engine),
		);
	}
	all.push(...targetSteps(model, world), ...callSteps(model, world), timePasses(world));
	if (world.faults > 0 && Object.keys(world.timers).length > 0) {
		const next = { ...world, timers: {}, faults: world.faults - 1 };
		all.push({ kind: 'fault', label: 'all timers are lost', next, ops: [{ op: 'lose timers' }] });
	}
	return all;
}

function timePasses(world: World): Step {
	const next = { ...world, now: world.now + TICK };
	return { kind: 'step', label: `${TICK / 1000} s pass`, next, ops: [] };
}

/** Requests arrive, whatever became of those who sent them, in any order, or never. */
function targetSteps(_model: Model, world: World): Step[] {
	return world.runs.flatMap((_run, at) =>
		epochsOf(world.onTheWay[at]).map((epoch): Step => {
			const bit = 1 << epoch;
			const worked = world.worked[at] ?? 0;
			return {
				kind: 'target',
				label: `the capability does the work of run ${at + 1}, epoch ${epoch}`,
				next: {
					...world,
					onTheWay: withNumber(world.onTheWay, at, (world.onTheWay[at] ?? 0) & ~bit),
					worked: withNumber(world.worked, at, worked | bit),
				},
				ops: [],
				...(worked === 0 ? {} : { witness: 'work was done twice' as const }),
			};
		}),
	);
}

function epochsOf(bits = 0): number[] {
	const epochs: number[] = [];
	for (let epoch = 0; 1 << epoch <= bits; epoch++) if ((bits >> epoch) & 1) epochs.push(epoch);
	return epochs;
}

/** What comes by the API: callbacks, signs of life, and what people do. */
function callSteps(model: Model, world: World): Step[] {
	const { calling } = world;
	if (calling !== null) return [called(model, { ...world, calling: null }, calling)];
	const calls = world.runs.flatMap((run, at) => [
		...(model.sizes.mode === 'async' ? callbacks(model, world, { run, at }) : []),
		...acts(world, { run, at }),
	]);
	return calls.map(({ kind, pending, next }) => {
		if (!model.sizes.apart.includes('api')) return { ...called(model, next, pending), kind };
		const label = `the API reads for: ${pending.what}`;
		return { kind, label, next: { ...next, calling: pending }, ops: [] };
	});
}

interface Call {
	kind: 'target' | 'act';
	pending: Pending;
	next: World;
}

function callbacks(model: Model, world: World, { run, at }: { run: Run; at: number }): Call[] {
	const open = run.state === 'running' || run.state === 'waiting';
	return epochsOf(world.worked[at]).flatMap((epoch) => {
		// Refused at once; see callbacks.ts, `demandOpen`.
		if (!open || (run.epoch !== epoch && !model.broken.has('token'))) return [];
		const call = (what: string, settlement: RunSettlement): Call => ({
			kind: 'target',
			pending: {
				what: `${what} of run ${at + 1}, epoch ${epoch}`,
				read: run,
				settlement,
				token: epoch,
			},
			next: world,
		});
		const beat = signOfLife(model, world, run);
		return [
			call('the callback', success(model, run, { at: world.now, by: 'callback' })),
			call('the word that it failed', failure(model, run, world.now)),
			...(beat === null ? [] : [call('a sign of life', beat)]),
		];
	});
}

function signOfLife({ spec }: Model, { now }: World, run: Run): RunSettlement | null {
	if (run.held || run.state !== 'waiting') return null;
	const beatBy = beatByAfter(now, spec.spec.policies, run.deadlineAt ?? now);
	return beatBy === null || beatBy === run.beatBy ? null : alive(run, { beatBy });
}

function acts(world: World, { run, at }: { run: Run; at: number }): Call[] {
	if (world.acts === 0 || isOver(run.state)) return [];
	const next = { ...world, acts: world.acts - 1 };
	const act = (what: string, settlement: RunSettlement): Call => ({
		kind: 'act',
		pending: { what: `${what} run ${at + 1}`, read: run, settlement },
		next,
	});
	return [
		act('somebody cancels', cancel(run, world.now, 'cancelled by the user')),
		...(run.held ? [act('somebody lets go again', unheld(run, { at: world.now }))] : []),
	];
}

function called({ broken }: Model, world: World, pending: Pending): Step {
	const { settlement, what, token, read } = pending;
	const { rows, applied } = settleRun(world, settlement, broken);
	const at = world.runs.findIndex(({ id }) => id === read.id);
	const now = world.runs[at];
	const early = applied && token !== undefined && now?.state === 'running';
	const broke =
		applied && token !== undefined && now?.epoch !== token
			? `a callback of epoch ${token} changed run ${at + 1}, which is at epoch ${now?.epoch ?? 0}`
			: undefined;
	return {
		kind: token === undefined ? 'act' : 'target',
		label: `${what}${applied ? '' : ': refused'}`,
		next: rows,
		ops: [{ op: 'settle', settlement, applied }],
		broke,
		...(early ? { witness: 'a callback came before the 202 was written' as const } : {}),
		...(!applied && token !== undefined
			? { witness: 'a callback came for an attempt that was over' as const }
			: {}),
	};
}
