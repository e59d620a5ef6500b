import type { Run } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Waiting } from '../shared/admit.ts';
import { admit } from '../shared/admit.ts';
import { createSharing } from '../shared/sharing.ts';
import type { ClaimEvents, ClaimRequest, Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Change } from './conditional-writes.ts';
import type { Doc, Root } from './documents.ts';
import { events as eventsEffect } from './effects.ts';
import { derivedOf, holderOf } from './look-at.ts';
import { runRows } from './rows.ts';
import type { Gate, Gated, RunGates } from './run-gates.ts';

/** How often a claim looks again when other engines were faster. */
const TRIES = 4;
/** How many tenants one claim looks at; the next goes on after them. */
const TENANTS = 32;

interface Candidate extends Omit<Waiting, 'key'> {
	doc: Root;
	run: Run;
	gate: Gate | null;
	key: Waiting['key'] | null;
}

/**
 * Claims the queued runs that are ready: of each tenant by priority, then by readiness, then by age. Each is taken by a
 * conditional update of its own document; all of a claim share one bulk write.
 */
export function createClaimRuns(context: Context, gates: RunGates): Store['claimRuns'] {
	const { db, commits } = context;

	let lastTenant = '';

	async function tenantAfter(now: Instant, tenant: string): Promise<string | null> {
		const doc = await db.run(async () =>
			db
				.of('runs')
				.find({ tenant: { $gt: tenant }, ready: { $lte: now }, state: 'queued' })
				.sort({ tenant: 1 })
				.limit(1)
				.project<Doc>({ tenant: 1 })
				.next(),
		);
		return doc === null ? null : String(doc['tenant']);
	}

	/** Those whose runs are ready and wait for no key: a look into the index for each. */
	async function readyTenants(now: Instant): Promise<string[]> {
		const ready: string[] = [];
		let wrapped = lastTenant === '';
		let next = await tenantAfter(now, lastTenant);
		while (ready.length < TENANTS) {
			if (next === null && wrapped) break;
			if (next === null) wrapped = true;
			else if (ready.includes(next)) break;
			else ready.push(next);
			next = await tenantAfter(now, next ?? '');
		}
		// All of them were seen: there is nothing to go on with.
		lastTenant = ready.length < TENANTS ? '' : (ready.at(-1) ?? '');
		return ready;
	}

	async function plainOf(tenant: string, now: Instant, limit: number): Promise<Root[]> {
		const docs = await db.run(async () =>
			db
				.of('runs')
				.find({ tenant, ready: { $lte: now }, state: 'queued' })
				.sort({ priority: -1, ready: 1, seq: 1 })
				.limit(limit)
				.toArray(),
		);
		return docs as Root[];
	}

	async function candidates(
		{ now, share }: Pick<ClaimRequest, 'now' | 'share'>,
		limit: number,
	): Promise<Candidate[]> {
		const [ready, gated] = await Promise.all([readyTenants(now), gates.claimable(now, limit)]);
		const waiting = Map.groupBy(gated, ({ doc }) => String(doc['tenant']));
		const tenants = [...new Set([...ready, ...waiting.keys()])];
		const sharing = createSharing<Candidate>({ tenants, limit, share });
		for (let wanted = sharing.next(); wanted !== null; wanted = sharing.next()) {
			const found = [...wanted].map(async ([tenant, most]): Promise<[string, Candidate[]]> => {
				const plain = await plainOf(tenant, now, most);
				const keys = new Map<string, Waiting['key']>();
				const all = [
					...plain.map((doc) => candidate({ doc, gate: null }, keys)),
					...(waiting.get(tenant) ?? []).map((one) => candidate(one, keys)),
				];
				return [tenant, admit(all, most)];
			});
			sharing.found(new Map(await Promise.all(found)));
		}
		return sharing.all().sort(inOrder).slice(0, limit);
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
		request: ClaimRequest,
		limit: number,
		events: ClaimEvents,
	): Promise<{ claimed: Run[]; beaten: boolean }> {
		const { now, owner, leaseUntil } = request;
		const found = await candidates(request, limit);
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

function inOrder(a: Candidate, b: Candidate): number {
	return a.rank - b.rank || a.readyAt - b.readyAt || a.seq - b.seq;
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
