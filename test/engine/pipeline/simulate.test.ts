import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { ScheduleId } from '../../../engine/contract/ids.ts';
import type { Run } from '../../../engine/contract/run.ts';
import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import type { HeldCall } from '../../support/held-target.ts';
import { holdCalls } from '../../support/held-target.ts';

/*
 * The same schedules, once played by `POST /v1/simulate` and once lived by an engine whose clock the test
 * moves: what each instant becomes, and when its run begins and ends, must be the same.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const LENGTH = 30 * MINUTE;

interface Order {
	every: number;
	/** Of every attempt. */
	duration: number;
	/** Which attempts fail, counted from 1. */
	failures: number[];
	policies: Record<string, unknown>;
}

interface Scenario {
	/** Runs in flight at most. */
	slots: number;
	orders: Order[];
	outage: { from: number; length: number } | null;
}

// Odd milliseconds keep the end of one thing from the very instant at which another begins.
const orders: fc.Arbitrary<Order> = fc.record({
	every: fc.constantFrom(60, 90, 120, 420).map((n) => n * SECOND),
	duration: fc.constantFrom(7, 47, 83, 199, 333).map((n) => n * SECOND + 13),
	failures: fc.subarray([1, 2, 4, 5]),
	policies: fc.record({
		overlap: fc.constantFrom('skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow_all'),
		catchUp: fc.oneof(
			fc.record({
				mode: fc.constantFrom('latest', 'all'),
				window: fc.constantFrom('4m', '24h'),
			}),
			fc.constant({ mode: 'none' }),
		),
		retry: fc.constantFrom(
			{ attempts: 1 },
			{ attempts: 2, backoff: 'fixed', delay: 37_011, jitter: false },
		),
		timeout: fc.constantFrom(90_017, 600_019),
		onUnknown: fc.constantFrom('retry', 'fail'),
		pauseOnFailure: fc.constantFrom(false, false, 2),
		concurrencyKey: fc.constantFrom(undefined, 'crm', { key: 'crm', limit: 2 }),
		priority: fc.constantFrom(undefined, 5),
	}),
});

/** Policies that contradict each other are refused. */
const allowed = ({ policies }: Order): boolean =>
	policies['overlap'] !== 'cancel_other' || !JSON.stringify(policies['catchUp']).includes('all');

const withoutRaces = (policies: Order['policies']): Order['policies'] => ({
	...policies,
	concurrencyKey: undefined,
	overlap: policies['overlap'] === 'cancel_other' ? 'skip' : policies['overlap'],
});

/**
 * Slots are scarce for one schedule alone, and only where nothing else frees them in the middle of an instant:
 * between the end of an attempt and the commit that frees its slot or key, an engine may give them to another run
 * than a simulation does, which knows instants and nothing within them.
 */
const scenarios: fc.Arbitrary<Scenario> = fc
	.record({
		slots: fc.constantFrom(2, 64),
		orders: fc.array(orders.filter(allowed), { minLength: 1, maxLength: 3 }),
		outage: fc.option(
			fc.record({
				from: fc.integer({ min: 2, max: 12 }).map((n) => n * MINUTE + 29),
				length: fc.constantFrom(31, 200, 600).map((n) => n * SECOND + 7),
			}),
		),
	})
	.map(({ slots, orders: all, outage }) => ({
		slots,
		outage,
		orders:
			slots === 64
				? all
				: all.slice(0, 1).map((order) => ({ ...order, policies: withoutRaces(order.policies) })),
	}));

let server: CapabilityServer;
beforeAll(async () => {
	server = await new CapabilityServer().start();
});
afterAll(() => server.close());

interface Lived {
	nominalAt: string;
	outcome: string;
	decidedAt: string;
	run: { state: string; startedAt: string | null; endedAt: string | null; attempts: number } | null;
}

/** One scenario in an engine. */
class World {
	readonly #bed: Bed;
	readonly #scenario: Scenario;
	readonly #ids: ScheduleId[] = [];
	readonly #attempts: number[];
	#held: { call: HeldCall; order: number; endsAt: number; fails: boolean }[] = [];
	readonly from: number;

	constructor(bed: Bed, scenario: Scenario) {
		this.#bed = bed;
		this.#scenario = scenario;
		this.#attempts = scenario.orders.map(() => 0);
		this.from = bed.clock.now();
	}

	async create(names: readonly string[]): Promise<void> {
		for (const [order, { every, policies }] of this.#scenario.orders.entries()) {
			const { url, calls } = holdCalls(server, `/${names[order] ?? ''}`);
			await this.#bed.register(names[order] ?? '', url);
			const anchor = new Date(this.from + order * 1001).toISOString();
			const end = new Date(this.from + LENGTH).toISOString();
			const timing = { every, anchor, end };
			const { scheduleId } = await this.#bed.schedule(names[order] ?? '', { timing, policies });
			this.#ids.push(scheduleId);
			void this.#receive(calls, order);
		}
	}

	async #receive(calls: { next(): Promise<HeldCall> }, order: number): Promise<void> {
		for (;;) {
			const call = await calls.next();
			const { duration = 0, failures = [] } = this.#scenario.orders[order] ?? {};
			const attempt = (this.#attempts[order] ?? 0) + 1;
			this.#attempts[order] = attempt;
			const fails = failures.includes(attempt);
			this.#held.push({ call, order, endsAt: this.#bed.clock.now() + duration, fails });
		}
	}

	async simulated(): Promise<Lived[][]> {
		const { orders: all, outage } = this.#scenario;
		const { body } = demand(
			await this.#bed.admin.post('/v1/simulate', {
				schedules: all.map(({ duration, failures }, order) => ({
					scheduleId: this.#ids[order],
					name: `order ${order}`,
					duration,
					failures,
				})),
				from: new Date(this.from).toISOString(),
				to: new Date(this.from + LENGTH).toISOString(),
				concurrency: this.#scenario.slots,
				outages:
					outage === null
						? []
						: [
								{
									from: new Date(this.from + outage.from).toISOString(),
									to: new Date(this.from + outage.from + outage.length).toISOString(),
									ends: 'orderly',
								},
							],
			}),
			200,
		);
		return body.schedules.map(({ occurrences }: Body) =>
			occurrences
				.filter(({ outcome }: Body) => outcome !== null)
				.map(({ nominalAt, outcome, decidedAt, run }: Body) => ({
					nominalAt,
					outcome,
					decidedAt,
					run,
				})),
		);
	}

	async live(): Promise<void> {
		let { outage } = this.#scenario;
		for (;;) {
			await this.#settled();
			const next = await this.#nextAt();
			if (outage !== null && this.from + outage.from <= next) {
				this.#bed.clock.advanceTo(this.from + outage.from);
				await this.#settled();
				// The next engine may call before it is said to have started.
				this.#held = [];
				await this.#bed.restart(outage.length);
				outage = null;
				continue;
			}
			if (next === Number.POSITIVE_INFINITY) return;
			this.#bed.clock.advanceTo(next);
			const ended = this.#held.filter(({ endsAt }) => endsAt <= this.#bed.clock.now());
			this.#held = this.#held.filter(({ endsAt }) => endsAt > this.#bed.clock.now());
			for (const { call, fails } of ended) {
				const { requestId, attempt } = call.envelope;
				call.answer(fails ? 500 : 200, []);
				await looked(
					async () => {
						const run = await this.#bed.run(requestId);
						return run.state !== 'running' || run.attempt !== attempt;
					},
					() => this.#bed.run(requestId),
				);
			}
		}
	}

	async #nextAt(): Promise<number> {
		let next = Number.POSITIVE_INFINITY;
		for (const { endsAt } of this.#held) next = Math.min(next, endsAt);
		for (const run of await this.#runs()) {
			if (run.state === 'retrying') next = Math.min(next, run.readyAt);
			if (run.state !== 'running') continue;
			const timeout = Number(this.#policiesOf(run)['timeout']);
			next = Math.min(next, (run.startedAt ?? 0) + timeout);
		}
		for (const id of this.#ids) {
			const schedule = await this.#bed.engine.context.store.getSchedule('default', id);
			if (schedule?.state === 'active' && schedule.dueAt !== null) {
				next = Math.min(next, schedule.dueAt);
			}
		}
		return next;
	}

	async #runs(): Promise<Run[]> {
		const all: Run[] = [];
		for (const id of this.#ids) {
			const { store } = this.#bed.engine.context;
			all.push(...(await store.listRuns('default', { scheduleId: id }, { limit: 200 })).items);
		}
		return all;
	}

	/** Until nothing is left to be done at this instant. */
	async #settled(): Promise<void> {
		await looked(
			async () => {
				const now = this.#bed.clock.now();
				const timer = await this.#bed.engine.context.store.nextTimerAt();
				if (timer !== null && timer <= now) return false;
				const runs = await this.#runs();
				const running = runs.filter(({ state }) => state === 'running');
				// A call that was not answered in time is of no interest any more.
				this.#held = this.#held.filter(({ call }) =>
					running.some(
						({ id, attempt }) =>
							id === call.envelope.requestId && attempt === call.envelope.attempt,
					),
				);
				return (
					running.length === this.#held.length &&
					running.every((run) => !this.#timedOut(run, now)) &&
					runs.every((run) => run.state !== 'retrying' || run.readyAt > now) &&
					runs.every((run) => run.state !== 'queued' || this.#mustWait(run, runs, running))
				);
			},
			() => this.#state(),
		);
	}

	async #state(): Promise<unknown> {
		return {
			now: new Date(this.#bed.clock.now()),
			timer: new Date((await this.#bed.engine.context.store.nextTimerAt()) ?? 0),
			held: this.#held.map(({ call: { envelope } }) => [envelope.requestId, envelope.attempt]),
			runs: (await this.#runs())
				.filter(({ endedAt }) => endedAt === null)
				.map(({ id, state, attempt, startedAt, readyAt }) => [
					id,
					state,
					attempt,
					startedAt,
					readyAt,
				]),
		};
	}

	#orderOf({ scheduleId }: Run): number {
		return this.#ids.findIndex((id) => id === scheduleId);
	}

	#policiesOf(run: Run): Record<string, unknown> {
		return this.#scenario.orders[this.#orderOf(run)]?.policies ?? {};
	}

	#timedOut(run: Run, now: number): boolean {
		const timeout = Number(this.#policiesOf(run)['timeout']);
		return (run.startedAt ?? 0) + timeout <= now;
	}

	#mustWait(run: Run, runs: Body[], running: Body[]): boolean {
		const { overlap } = this.#policiesOf(run);
		const before = (other: Run): boolean =>
			other.scheduleId === run.scheduleId &&
			(other.nominalAt ?? 0) < (run.nominalAt ?? 0) &&
			['queued', 'running', 'retrying', 'waiting'].includes(other.state);
		return (
			running.length >= this.#scenario.slots ||
			(overlap !== 'allow_all' && runs.some(before)) ||
			(run.concurrencyKey !== null &&
				running.filter((other) => other.concurrencyKey === run.concurrencyKey).length >=
					run.concurrencyLimit)
		);
	}

	async lived(): Promise<Lived[][]> {
		const all: Lived[][] = [];
		for (const id of this.#ids) {
			const rows: Lived[] = [];
			for (const { nominalAt, outcome, decidedAt, runId } of await this.#bed.ledger(id)) {
				const run = runId === null ? null : await this.#bed.run(runId);
				rows.push({
					nominalAt,
					outcome,
					decidedAt,
					run: run && {
						state: run.state,
						startedAt: run.attempts[0]?.startedAt ?? null,
						endedAt: run.endedAt,
						attempts: run.attempt,
					},
				});
			}
			all.push(rows);
		}
		return all;
	}
}

const LOOKS = 5000;

async function looked(done: () => Promise<boolean>, what: () => Promise<unknown>): Promise<void> {
	for (let look = 0; look < LOOKS; look++) {
		if (await done()) return;
		await new Promise(setImmediate);
	}
	throw new Error(`never settles: ${JSON.stringify(await what(), null, 1)}`);
}

let worlds = 0;

describe('a simulation', () => {
	it('agrees with what the engine then does, whatever runs take, fail or are lost by an outage', async () => {
		await fc.assert(
			fc.asyncProperty(scenarios, async (scenario) => {
				const bed = await startBed({ CAPSCHEDULER_CONCURRENCY: String(scenario.slots) });
				try {
					const world = new World(bed, scenario);
					worlds += 1;
					await world.create(scenario.orders.map((_, order) => `work-${worlds}-${order}`));
					const simulated = await world.simulated();
					await world.live();
					expect(simulated).toEqual(await world.lived());
				} finally {
					await bed.close();
				}
			}),
			{ numRuns: Number(process.env['SIMULATIONS'] ?? 8), endOnFailure: true },
		);
	}, 120_000);
});
