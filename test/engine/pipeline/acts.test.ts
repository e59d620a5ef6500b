import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Actor } from '../../../engine/contract/access.ts';
import type { ScheduleId } from '../../../engine/contract/ids.ts';
import { removeSchedule, triggerSchedule } from '../../../engine/pipeline/acts.ts';
import type { Context } from '../../../engine/pipeline/context.ts';
import type { Answer, Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { holdCalls } from '../../support/held-target.ts';

const MINUTE = 60_000;
const iso = (at: number): string => new Date(at).toISOString();

let server: CapabilityServer;
let bed: Bed;
/** When the schedules of the test were made: they are due every ten minutes from then on. */
let t0: number;
let n = 0;
let name: string;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
});
afterAll(async () => {
	await bed.close();
	await server.close();
});
beforeEach(async () => {
	name = `acts-${n++}`;
	await bed.register(name, server.json(`/${name}`, [{ id: 1 }]));
	t0 = bed.clock.now();
});

const at = (minutes: number): string => iso(t0 + minutes * MINUTE);
const made = async (more: object = {}): Promise<string> =>
	(await bed.schedule(name, { timing: { every: '10m' }, ...more })).scheduleId as string;
const post = async (id: string, act: string, body?: object, ask?: object): Promise<Answer> =>
	bed.admin.post(`/v1/schedules/${id}/${act}`, body, ask);
/** The ledger, as soon as it has that many rows and no run is left. */
const rows = async (id: string, length: number): Promise<Body[]> =>
	bed.until(async () => {
		const ledger = await bed.ledger(id);
		const open = await bed.engine.context.store.activeRunsOf('default', id as never);
		return ledger.length >= length && open.length === 0 && ledger;
	});
/** The clock moves on by so many times ten minutes, and each is decided before the next comes. */
const live = async (id: string, steps: number): Promise<Body[]> => {
	for (let step = 0; step < steps; step++) {
		const before = (await bed.ledger(id)).length;
		bed.clock.advance(10 * MINUTE);
		await rows(id, before + 1);
	}
	return bed.ledger(id);
};
const outcomes = (ledger: Body[]): string[] => ledger.map(({ outcome }) => outcome as string);

describe('a trigger at the moment of the deletion', () => {
	const admin = { keyId: 'key_test', tenant: 'default', scopes: new Set(['admin']) } as Actor;
	const contextWith = (methods: Partial<Context['store']>): Context => {
		const { context } = bed.engine;
		return { ...context, store: { ...context.store, ...methods } };
	};

	it('makes no run once it is deleted', async () => {
		const id = (await made()) as ScheduleId;
		const { context } = bed.engine;
		const late = contextWith({
			addRuns: async (...add) => {
				await removeSchedule(context, admin, { id });
				return context.store.addRuns(...add);
			},
		});
		const trigger = triggerSchedule(late, admin, { id });
		await expect(trigger).rejects.toMatchObject({ code: 'NOT_FOUND' });
		expect(await context.store.activeRunsOf('default', id)).toEqual([]);
	});

	it('is cancelled with it when it came before, however late', async () => {
		const { url, calls } = holdCalls(server, `/${name}`);
		await bed.register(name, url);
		const id = (await made({ policies: { overlap: 'skip' } })) as ScheduleId;
		const first = demand(await post(id, 'trigger'), 202).body.id as string;
		const call = await calls.next();
		const { context } = bed.engine;
		let second = '';
		const early = contextWith({
			activeRunsOf: async (...which) => {
				const found = await context.store.activeRunsOf(...which);
				if (second === '') second = demand(await post(id, 'trigger'), 202).body.id as string;
				return found;
			},
		});
		await removeSchedule(early, admin, { id });
		expect(await bed.run(second)).toMatchObject({ state: 'cancelled' });
		call.answer(200, []);
		expect(await bed.runIn(first)).toMatchObject({ state: 'succeeded' });
	});
});

describe('resume', () => {
	it.each([
		['skip', ['skipped_paused', 'skipped_paused']],
		['latest', ['coalesced', 'fired']],
		['all', ['fired', 'fired']],
	])('makes of the pause what is asked for: %s', async (backlog, expected) => {
		const id = await made();
		demand(await post(id, 'pause'), 200);
		bed.clock.advance(25 * MINUTE);
		const { body } = demand(await post(id, 'resume', { backlog }), 200);
		expect(body).toMatchObject({ status: 'active', pauseReason: null });
		expect(outcomes(await rows(id, 2))).toEqual(expected);
		expect(outcomes(await live(id, 1))).toEqual([...expected, 'fired']);
	});

	it('also of a pause that failures brought', async () => {
		server.json(`/${name}`, { error: 'no' }, 400);
		const id = await made({ policies: { pauseOnFailure: true } });
		bed.clock.advance(10 * MINUTE);
		await bed.until(
			async () => (await bed.admin.get(`/v1/schedules/${id}`)).body.status === 'paused',
		);
		bed.clock.advance(25 * MINUTE);
		server.json(`/${name}`, [{ id: 1 }]);
		demand(await post(id, 'resume', { backlog: 'latest' }), 200);
		expect(outcomes(await rows(id, 3))).toEqual(['fired', 'coalesced', 'fired']);
	});

	it('refuses what it does not know', async () => {
		const id = await made();
		const { body } = demand(await post(id, 'resume', { backlog: 'some' }), 400);
		expect(body.errors).toMatchObject([{ path: 'backlog' }]);
	});
});

describe('skip', () => {
	it('takes the next one out, with a row that says who did it', async () => {
		const id = await made();
		const { body } = demand(await post(id, 'skip'), 200);
		expect(body.occurrences).toEqual([at(10)]);
		expect(body.schedule.nextOccurrences[0].at).toBe(at(20));
		expect(body.schedule.overrides.skipped).toMatchObject([{ at: at(10) }]);
		const ledger = await live(id, 2);
		expect(outcomes(ledger)).toEqual(['skipped_by_user', 'fired']);
		expect(ledger[0].reason).toMatch(/^skipped by key_/);
		const after = await bed.admin.get(`/v1/schedules/${id}`);
		expect(after.body.overrides).toEqual({ skipped: [], moved: [] });
	});

	it('takes the next three, and those after them when asked again', async () => {
		const id = await made();
		demand(await post(id, 'skip', { count: 3 }), 200);
		const { body } = demand(await post(id, 'skip', { count: 2 }), 200);
		expect(body.occurrences).toEqual([at(40), at(50)]);
		expect(outcomes(await live(id, 6))).toEqual([
			...Array<string>(5).fill('skipped_by_user'),
			'fired',
		]);
	});

	it('of a named one is harmless twice, and can be taken back', async () => {
		const id = await made();
		demand(await post(id, 'skip', { at: at(20) }), 200);
		const again = demand(await post(id, 'skip', { at: at(20) }), 200);
		expect(again.body.occurrences).toEqual([]);
		expect(again.body.schedule.revision).toBe(2);
		demand(await post(id, 'skip', { at: at(30) }), 200);
		demand(await post(id, 'unskip', { at: at(20) }), 200);
		expect(outcomes(await live(id, 3))).toEqual(['fired', 'fired', 'skipped_by_user']);
		expect((await post(id, 'unskip', { at: at(30) })).body.code).toBe('OCCURRENCE_DECIDED');
	});

	it('names the nearest when there is none at that instant', async () => {
		const id = await made();
		demand(await post(id, 'skip', { at: at(10) }), 200);
		const { body } = demand(await post(id, 'skip', { at: at(21) }), 422);
		expect(body.code).toBe('OCCURRENCE_UNKNOWN');
		expect(body.errors).toMatchObject([
			{ path: 'at', expected: expect.stringContaining(`(nearest: ${at(20)}, ${at(30)})`) },
		]);
	});

	it('of one that is due comes too late, and loses nothing', async () => {
		const id = await made();
		// Not told to anybody: the engine has not looked yet.
		bed.clock.advance(10 * MINUTE);
		const { body } = await post(id, 'skip', { at: at(10) });
		expect(body.code).toBe('OCCURRENCE_DECIDED');
		await rows(id, 1);
		demand(await post(id, 'skip'), 200);
		expect(outcomes(await live(id, 1))).toEqual(['fired', 'skipped_by_user']);
	});

	it('of many at once loses none', async () => {
		const id = await made();
		const wanted = Array.from({ length: 30 }, (_, i) => at(10 * (i + 1)));
		const answers = await Promise.all(wanted.map((each) => post(id, 'skip', { at: each })));
		expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
		const { body } = await bed.admin.get(`/v1/schedules/${id}`);
		expect(body.overrides.skipped.map((skip: Body) => skip.at).sort()).toEqual(wanted);
	});

	it('happens once under one Idempotency-Key', async () => {
		const id = await made();
		const ask = { headers: { 'idempotency-key': `skip-${id}` } };
		const first = demand(await post(id, 'skip', {}, ask), 200);
		const second = demand(await post(id, 'skip', {}, ask), 200);
		expect(second.headers.get('idempotent-replayed')).toBe('true');
		expect(second.body).toEqual(first.body);
		expect(outcomes(await live(id, 2))).toEqual(['skipped_by_user', 'fired']);
	});

	it('heeds If-Match, and a schedule that is over has nothing to skip', async () => {
		const id = await made({ timing: { every: '10m', limit: 1 } });
		demand(await post(id, 'skip', {}, { headers: { 'if-match': '"7"' } }), 412);
		await live(id, 1);
		expect((await post(id, 'skip')).body.code).toBe('CONFLICT');
	});
});

describe('move', () => {
	it('runs the occurrence at the other instant, and says where it was', async () => {
		const id = await made();
		const { body } = demand(await post(id, 'move', { at: at(20), to: at(25) }), 200);
		expect(body.schedule.nextOccurrences.slice(0, 3)).toMatchObject([
			{ at: at(10) },
			{ at: at(25), movedFrom: at(20), notes: [expect.stringContaining('moved from')] },
			{ at: at(30) },
		]);
		await live(id, 2);
		bed.clock.advance(5 * MINUTE);
		const ledger = await rows(id, 3);
		expect(ledger.map((row) => [row.nominalAt, row.outcome, row.movedFrom])).toEqual([
			[at(10), 'fired', null],
			[at(20), 'skipped_by_user', null],
			[at(25), 'fired', at(20)],
		]);
		expect(ledger[1].reason).toContain(`moved to ${at(25)}`);
		const run = await bed.runIn(ledger[2].runId);
		expect(run).toMatchObject({ nominalAt: at(25), movedFrom: at(20), windowStart: at(10) });
		const envelope = server.received
			.map(({ body: text }) => JSON.parse(text))
			.find(({ requestId }) => requestId === run.id);
		expect(envelope.schedule).toMatchObject({ nominalAt: at(25), movedFrom: at(20) });
	});

	it('to an earlier instant rings earlier, and the window of the next leaves no gap', async () => {
		const id = await made();
		demand(await post(id, 'move', { to: at(3) }), 200);
		bed.clock.advance(3 * MINUTE);
		await rows(id, 1);
		bed.clock.advance(7 * MINUTE);
		await rows(id, 2);
		const ledger = await live(id, 1);
		expect(outcomes(ledger)).toEqual(['fired', 'skipped_by_user', 'fired']);
		expect(await bed.runIn(ledger[2].runId)).toMatchObject({ windowStart: at(3) });
	});

	it('goes on, and back, as often as one likes', async () => {
		const id = await made();
		demand(await post(id, 'move', { at: at(20), to: at(25) }), 200);
		demand(await post(id, 'move', { at: at(25), to: at(5) }), 200);
		const there = await bed.admin.get(`/v1/schedules/${id}`);
		expect(there.body.overrides.moved).toMatchObject([{ from: at(20), to: at(5) }]);
		expect(there.body.nextOccurrenceAt).toBe(at(5));
		const { body } = demand(await post(id, 'move', { at: at(5), to: at(20) }), 200);
		expect(body.schedule.overrides.moved).toEqual([]);
		expect(body.schedule.nextOccurrenceAt).toBe(at(10));
		expect(outcomes(await live(id, 2))).toEqual(['fired', 'fired']);
	});

	it('of the same one to the same instant twice is harmless', async () => {
		const id = await made();
		demand(await post(id, 'move', { at: at(20), to: at(25) }), 200);
		const again = demand(await post(id, 'move', { at: at(20), to: at(25) }), 200);
		expect(again.body.occurrences).toEqual([]);
	});

	it('only to an instant ahead, within the end, where no other one is', async () => {
		const id = await made({ timing: { every: '10m', end: at(60) } });
		demand(await post(id, 'skip', { at: at(40) }), 200);
		for (const to of [at(-1), at(0), at(61), at(30), at(40)]) {
			const { status, body } = await post(id, 'move', { at: at(20), to });
			expect({ to, status, path: body.errors?.[0]?.path }).toEqual({ to, status: 422, path: 'to' });
		}
		for (const wrong of [at(21), at(40)]) {
			const { body } = demand(await post(id, 'move', { at: wrong, to: at(25) }), 422);
			expect(body.errors).toMatchObject([{ path: 'at' }]);
		}
		demand(await post(id, 'move', { at: at(20), to: at(60 - 1) }), 200);
	});

	it('of a one-shot puts it off, and it completes then', async () => {
		const id = await made({ timing: undefined, time: at(10) });
		demand(await post(id, 'move', { to: at(20) }), 200);
		expect(outcomes(await live(id, 2))).toEqual(['skipped_by_user', 'fired']);
		const { body } = await bed.admin.get(`/v1/schedules/${id}`);
		expect(body.status).toBe('completed');
	});

	it('can be skipped where it was moved to', async () => {
		const id = await made();
		demand(await post(id, 'move', { at: at(10), to: at(15) }), 200);
		demand(await post(id, 'skip', { at: at(15) }), 200);
		await live(id, 1);
		bed.clock.advance(5 * MINUTE);
		expect(outcomes(await rows(id, 2))).toEqual(['skipped_by_user', 'skipped_by_user']);
	});
});

describe('trigger', () => {
	it('lays parameters over those of the schedule, for this run only', async () => {
		const id = await made({ parameters: { region: 'EU', year: 2026 } });
		const { body } = demand(await post(id, 'trigger', { parameters: { region: 'US' } }), 202);
		expect((await bed.runIn(body.id)).parameters).toEqual({ region: 'US', year: 2026 });
		const plain = demand(await post(id, 'trigger'), 202);
		expect((await bed.runIn(plain.body.id)).parameters).toEqual({ region: 'EU', year: 2026 });
	});
});
