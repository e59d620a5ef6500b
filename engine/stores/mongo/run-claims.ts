import type { Run } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Waiting } from '../shared/admit.ts';
import { admit } from '../shared/admit.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Change } from './commits.ts';
import type { Root } from './documents.ts';
import { events as eventsEffect } from './effects.ts';
import { derivedOf, holderOf } from './look-at.ts';
import { runRows } from './rows.ts';
import type { Gate, Gated, RunGates } from './run-gates.ts';

/** How often a claim looks again when other engines were faster. */
const TRIES = 4;

interface Candidate extends Omit<Waiting, 'key'> {
	doc: Root;
	run: Run;
	gate: Gate | null;
	key: Waiting['key'] | null;
}

/**
 * Claims the queued runs that are ready: by priority, then by readiness, then by age. Each is taken by a
 * conditional update of its own document; all of a claim share one bulk write.
 */
export function createClaimRuns(context: Context, gates: RunGates): Store['claimRuns'] {
	const { db, commits } = context;

	async function candidates(now: Instant, limit: number): Promise<Candidate[]> {
		const [plain, gated] = await Promise.all([
			db.run(async () =>
				db
					.of('runs')
					.find({ ready: { $lte: now }, state: 'queued' })
					.sort({ priority: -1, ready: 1, seq: 1 })
					.limit(limit)
					.toArray(),
			),
			gates.claimable(now, limit),
		]);
		const keys = new Map<string, Waiting['key']>();
		const all = [
			...plain.map((doc) => candidate({ doc: doc as Root, gate: null }, keys)),
			...gated.map((one) => candidate(one, keys)),
		];
		return admit(all, limit);
	}

	/** Takes places at the keys. @returns those who have all that they need */
	async function enterGates(found: readonly Candidate[]): Promise<Candidate[]> {
		const entering = new Map<string, Run[]>();
		const known = new Map<string, Gate>();
		for (const { gate, run } of found) {
			if (gate === null) continue;
			known.set(gate.id, gate);
			const list = entering.get(gate.id);
			if (list === undefined) entering.set(gate.id, [run]);
			else list.push(run);
		}
		if (entering.size === 0) return [...found];
		const entered = await gates.enter(entering, known);
		return found.filter(({ gate }) => gate === null || entered.has(gate.id));
	}

	async function claimOnce(
		{ now, owner, leaseUntil }: ClaimRequest,
		limit: number,
		events: ClaimEvents,
	): Promise<{ claimed: Run[]; beaten: boolean }> {
		const found = await candidates(now, limit);
		const admitted = await enterGates(found);
		const after = admitted.map(({ run }): Run => ({
			...run,
			state: 'running',
			owner,
			leaseUntil,
			epoch: run.epoch + 1,
			attempt: run.attempt + 1,
			startedAt: now,
			deadlineAt: null,
		}));
		const made = await commits.change(
			'runs',
			admitted.map(({ doc }, n) => changeOf(doc, after[n]!, events)),
		);
		const lost = admitted.flatMap(({ gate }, n) =>
			gate === null || made[n] === true ? [] : [{ gate: gate.id, holder: holderOf(after[n]!) }],
		);
		if (lost.length > 0) {
			await gates.release(lost.map((of) => ({ of, token: '', at: now })));
		}
		const claimed = after.filter((_, n) => made[n] === true);
		return { claimed, beaten: claimed.length < found.length };
	}

	return async (request, events) => {
		const { limit: most } = request;
		const limit = typeof most === 'number' ? most : most();
		const claimed: Run[] = [];
		for (let tries = 0; tries < TRIES && claimed.length < limit; tries++) {
			const one = await claimOnce(request, limit - claimed.length, events);
			claimed.push(...one.claimed);
			if (!one.beaten) break;
		}
		return claimed;
	};
}

function candidate(
	{ doc, gate }: Gated | { doc: Root; gate: null },
	keys: Map<string, Waiting['key']>,
): Candidate {
	const run = runRows.fromDoc(doc);
	const { priority, readyAt, concurrencyLimit: limit } = run;
	let key: Waiting['key'] | null = null;
	if (gate !== null) {
		key = keys.get(gate.id) ?? { held: gate.holders.length };
		keys.set(gate.id, key);
	}
	return { doc, gate, run, seq: Number(doc['seq']), rank: -priority, readyAt, limit, key };
}

function changeOf(doc: Root, after: Run, events: ClaimEvents): Change {
	const { set, unset } = derivedOf(after, false);
	const { state, owner, leaseUntil, epoch, attempt, startedAt, deadlineAt } = after;
	const fields = { state, owner, leaseUntil, epoch, attempt, startedAt, deadlineAt };
	return {
		id: doc._id,
		v: doc.v,
		where: { state: 'queued', epoch: epoch - 1 },
		set: { ...fields, ...set },
		unset,
		effects: eventsEffect([events.run(after)]),
	};
}
