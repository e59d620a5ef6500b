import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Answer, Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import type { HeldCall } from '../../support/held-target.ts';
import { holdCalls } from '../../support/held-target.ts';
import type { Inbox } from '../../support/inbox.ts';

const MINUTE = 60_000;

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
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
	name = `update-${n++}`;
	const held = holdCalls(server, `/${name}`);
	({ calls } = held);
	const region = { type: 'object', properties: { region: { enum: ['EU', 'US'] } } };
	await bed.register(name, held.url, {
		actions: { go: { parameters: region }, strict: { parameters: { required: ['year'] } } },
	});
	t0 = bed.clock.now();
});

const at = (minutes: number): string => new Date(t0 + minutes * MINUTE).toISOString();
const made = async (more: object = {}): Promise<string> => {
	const policies = { overlap: 'allow_all', timeout: '1d' };
	return (await bed.schedule(name, { timing: { every: '10m' }, policies, ...more }))
		.scheduleId as string;
};
const patch = async (id: string, body: object, ask?: object): Promise<Answer> =>
	bed.admin.patch(`/v1/schedules/${id}`, body, ask);
const get = async (id: string): Promise<Body> =>
	demand(await bed.admin.get(`/v1/schedules/${id}`), 200).body;
const rows = async (id: string, length: number): Promise<string[][]> =>
	bed.until(async () => {
		const ledger = await bed.ledger(id);
		return ledger.length >= length && ledger.map((row) => [row.nominalAt, row.outcome]);
	});

describe('a field of a schedule', () => {
	it('is replaced when sent, taken back by null, and stays when not sent', async () => {
		const labels = { team: 'bi', tier: '1' };
		const id = await made({
			name: 'Before',
			labels,
			metadata: { a: 1 },
			parameters: { region: 'EU' },
		});
		const first = await patch(id, {
			name: 'After',
			labels: { team: 'ops' },
			parameters: { region: 'US' },
			policies: { timeout: '1m' },
		});
		expect(demand(first, 200).body).toMatchObject({
			changed: ['parameters', 'policies', 'name', 'labels'],
			revision: 2,
			name: 'After',
			labels: { team: 'ops' },
			metadata: { a: 1 },
			parameters: { region: 'US' },
			policies: { timeout: '1m', overlap: 'skip' },
		});
		const back = await patch(id, { name: null, labels: null, metadata: null, parameters: null });
		expect(demand(back, 200).body).toMatchObject({
			name: null,
			labels: {},
			metadata: {},
			parameters: {},
			policies: { timeout: '1m' },
		});
		const listed = await bed.admin.get('/v1/schedules?label=team:ops');
		expect(listed.body.items.map((item: Body) => item.id)).not.toContain(id);
		const [event] = (await bed.events('schedule.updated')).filter(
			({ subject }) => subject['scheduleId'] === id,
		);
		expect(event?.data).toMatchObject({ changed: ['parameters', 'policies', 'name', 'labels'] });
	});

	it('that is sent as it was changes nothing, not even the revision', async () => {
		const id = await made({ labels: { a: 'b' } });
		const { body } = demand(await patch(id, { labels: { a: 'b' }, frequency: 'every 10m' }), 200);
		expect(body).toMatchObject({ changed: [], revision: 1 });
		expect(demand(await patch(id, {}), 200).body.revision).toBe(1);
	});

	it('is checked like that of a new schedule, and nothing is changed when one is wrong', async () => {
		const id = await made();
		const cases: [object, number, string][] = [
			[{ parameters: { region: 'XX' } }, 422, 'INVALID_PARAMETERS'],
			[{ action: 'none' }, 422, 'ACTION_UNKNOWN'],
			[{ action: 'strict' }, 422, 'INVALID_PARAMETERS'],
			[{ frequency: 'every 1ms' }, 422, 'INTERVAL_TOO_SMALL'],
			[{ time: at(-1) }, 422, 'INVALID_TIMING'],
			[{ time: at(1), frequency: '@daily' }, 400, 'INVALID_REQUEST'],
			[{ timing: null }, 400, 'INVALID_REQUEST'],
			[{ delivery: { format: 'none' } }, 422, 'FORMAT_UNKNOWN'],
			[{ callback: 'http://169.254.169.254/' }, 422, 'EGRESS_BLOCKED'],
			[{ capability: 'other' }, 400, 'INVALID_REQUEST'],
			[{ colour: 'red' }, 400, 'INVALID_REQUEST'],
		];
		for (const [wrong, status, code] of cases) {
			const { status: came, body } = await patch(id, { name: 'Never', ...wrong });
			expect({ wrong, status: came, code: body.code }).toEqual({ wrong, status, code });
		}
		expect(await get(id)).toMatchObject({ name: null, revision: 1 });
	});

	it('is guarded by If-Match', async () => {
		const id = await made();
		const ask = { headers: { 'if-match': '"1"' } };
		const { headers } = demand(await patch(id, { name: 'A' }, ask), 200);
		expect(headers.get('etag')).toBe('"2"');
		expect(demand(await patch(id, { name: 'B' }, ask), 412).body.code).toBe('PRECONDITION_FAILED');
		const both = await Promise.all(
			['C', 'D'].map((each) => patch(id, { name: each }, { headers: { 'if-match': '"2"' } })),
		);
		expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
	});

	it('survives another that is changed at the same time', async () => {
		const id = await made();
		const changes = [
			{ name: 'N' },
			{ labels: { a: 'b' } },
			{ metadata: { m: 1 } },
			{ parameters: { region: 'EU' } },
			{ policies: { overlap: 'allow_all', timeout: '2m' } },
			{ frequency: 'every 20m' },
		];
		const answers = await Promise.all(changes.map((change) => patch(id, change)));
		expect(answers.map(({ status }) => status)).toEqual(changes.map(() => 200));
		expect(await get(id)).toMatchObject({
			name: 'N',
			labels: { a: 'b' },
			metadata: { m: 1 },
			parameters: { region: 'EU' },
			policies: { timeout: '2m' },
			timing: { every: '20m' },
			revision: 7,
		});
	});
});

describe('a new timing', () => {
	it('begins with its first instant after now; runs that exist keep what they were made of', async () => {
		const id = await made({ parameters: { region: 'EU' } });
		bed.clock.advance(10 * MINUTE);
		const old = await calls.next();
		bed.clock.advance(5 * MINUTE);
		const { body } = demand(
			await patch(id, { frequency: 'every 20m', parameters: { region: 'US' } }),
			200,
		);
		expect(body.nextOccurrenceAt).toBe(at(35));
		old.answer(503);
		await bed.runIn(old.envelope.requestId, 'retrying');
		bed.clock.advance(MINUTE);
		const retried = await calls.next();
		expect(retried.envelope).toMatchObject({
			requestId: old.envelope.requestId,
			parameters: { region: 'EU' },
			schedule: { revision: 1 },
		});
		retried.answer(200, []);
		await bed.runIn(old.envelope.requestId);
		bed.clock.advance(20 * MINUTE);
		const fresh = await calls.next();
		expect(fresh.envelope).toMatchObject({
			parameters: { region: 'US' },
			schedule: { revision: 2, nominalAt: at(35) },
			window: { start: at(10), end: at(35) },
		});
		fresh.answer(200, []);
	});

	it('leaves what was due before to the old one: nothing is lost or doubled', async () => {
		const id = await made({ policies: { overlap: 'allow_all', catchUp: { mode: 'all' } } });
		// The engine has not looked yet.
		bed.clock.advance(35 * MINUTE);
		demand(await patch(id, { frequency: 'every 1h' }), 200);
		expect(await bed.ledger(id)).toMatchObject(
			[10, 20, 30].map((m) => ({ nominalAt: at(m), outcome: 'fired' })),
		);
		expect((await get(id)).nextOccurrenceAt).toBe(at(95));
	});

	it('keeps its phase when only the end is another, or none is', async () => {
		const id = await made();
		bed.clock.advance(13 * MINUTE);
		await rows(id, 1);
		const same = demand(await patch(id, { timing: { every: '10m' } }), 200).body;
		expect(same).toMatchObject({ changed: [], nextOccurrenceAt: at(20) });
		const ended = demand(await patch(id, { timing: { every: '10m', end: at(100) } }), 200).body;
		expect(ended).toMatchObject({ changed: ['timing'], nextOccurrenceAt: at(20) });
	});

	it.each([
		[{ frequency: 'every last friday' }, 'ASSUMED'],
		[{ timing: { every: '1 month', anchor: '2027-01-31T09:00:00Z' } }, 'MONTH_END'],
		[{ timing: { cron: '0 0 13 * 5' } }, 'EITHER_DAY'],
	])('%j tells what may surprise, as a new schedule does', async (when, code) => {
		const id = await made();
		const { warnings } = demand(await patch(id, when), 200).body;
		expect(warnings).toContainEqual(expect.objectContaining({ code }));
		expect((await bed.schedule(name, when)).warnings).toEqual(warnings);
	});

	it('drops what was skipped and moved, and says how many', async () => {
		const id = await made();
		demand(await bed.admin.post(`/v1/schedules/${id}/skip`, { count: 2 }), 200);
		demand(await bed.admin.post(`/v1/schedules/${id}/move`, { at: at(30), to: at(35) }), 200);
		const named = demand(await patch(id, { name: 'Other' }), 200).body;
		expect(named.droppedOverrides).toBe(0);
		expect(named.overrides.skipped).toHaveLength(2);
		const { body } = demand(await patch(id, { frequency: 'every 15m' }), 200);
		expect(body).toMatchObject({ droppedOverrides: 3, nextOccurrenceAt: at(15) });
		expect(body.overrides).toEqual({ skipped: [], moved: [] });
	});

	it('brings a completed schedule back; the limit counts on', async () => {
		const id = await made({ timing: { every: '10m', limit: 1 } });
		bed.clock.advance(10 * MINUTE);
		(await calls.next()).answer(200, []);
		expect((await get(id)).status).toBe('completed');
		const refused = demand(await patch(id, { timing: { every: '5m', limit: 1 } }), 422).body;
		expect(refused.errors).toMatchObject([{ path: 'timing.limit' }]);
		const { body } = demand(await patch(id, { timing: { every: '5m', limit: 2 } }), 200);
		expect(body).toMatchObject({ status: 'active', runsMade: 1, nextOccurrenceAt: at(15) });
		bed.clock.advance(5 * MINUTE);
		(await calls.next()).answer(200, []);
		expect((await get(id)).status).toBe('completed');
		expect((await get(id)).runsMade).toBe(2);
	});

	it('of a paused schedule ends its pause so far, and leaves it paused', async () => {
		const id = await made();
		demand(await bed.admin.post(`/v1/schedules/${id}/pause`), 200);
		bed.clock.advance(25 * MINUTE);
		const { body } = demand(await patch(id, { frequency: 'every 20m' }), 200);
		expect(body.status).toBe('paused');
		expect(await rows(id, 2)).toEqual([
			[at(10), 'skipped_paused'],
			[at(20), 'skipped_paused'],
		]);
		bed.clock.advance(25 * MINUTE);
		demand(await bed.admin.post(`/v1/schedules/${id}/resume`, { backlog: 'all' }), 200);
		expect(await rows(id, 3)).toContainEqual([at(45), 'fired']);
		(await calls.next()).answer(200, []);
	});

	it('of a paused schedule whose old one was over', async () => {
		const id = await made({ timing: { every: '10m', end: at(20) } });
		demand(await bed.admin.post(`/v1/schedules/${id}/pause`), 200);
		bed.clock.advance(60 * MINUTE);
		demand(await patch(id, { frequency: 'every 10m' }), 200);
		demand(await bed.admin.post(`/v1/schedules/${id}/resume`), 200);
		expect((await get(id)).nextOccurrenceAt).toBe(at(70));
		bed.clock.advance(10 * MINUTE);
		expect(await rows(id, 3)).toEqual([
			[at(10), 'skipped_paused'],
			[at(20), 'skipped_paused'],
			[at(70), 'fired'],
		]);
		(await calls.next()).answer(200, []);
	});
});

describe('secrets of a schedule that is changed', () => {
	it('stay valid in the parts that are not sent; new ones are shown once', async () => {
		const told = holdCalls(server, `/told-${name}`);
		const hook = holdCalls(server, `/hook-${name}`);
		const id = await made({
			callback: told.url,
			delivery: {
				targets: [{ channel: 'webhook', settings: { url: hook.url }, format: 'json' }],
			},
		});
		demand(await patch(id, { name: 'Renamed', parameters: { region: 'EU' } }), 200);
		bed.clock.advance(10 * MINUTE);
		(await calls.next()).answer(200, [{ a: 1 }]);
		const parcel = await hook.calls.next();
		expect(parcel.request.headers['webhook-signature']).toMatch(/^v1,/);
		parcel.answer(200);
		const note = await told.calls.next();
		expect(note.request.headers['webhook-signature']).toMatch(/^v1,/);
		note.answer(200);
		const notify = [{ url: hook.url }];
		const { body } = demand(await patch(id, { notify }), 200);
		expect(Object.keys(body.secrets)).toEqual(['notify[0].secret']);
		expect(body.notify.map(({ url }: Body) => url as string)).toEqual([told.url, hook.url]);
		const without = demand(await patch(id, { callback: null }), 200).body;
		expect(without.notify.map(({ url }: Body) => url as string)).toEqual([hook.url]);
		expect(without.secrets).toBeUndefined();
	});

	it('a target that answered 410 is tried again when delivery is sent', async () => {
		const hook = holdCalls(server, `/gone-${name}`);
		const delivery = {
			targets: [{ channel: 'webhook', settings: { url: hook.url }, format: 'json' }],
		};
		const id = await made({ delivery });
		bed.clock.advance(10 * MINUTE);
		(await calls.next()).answer(200, [{ a: 1 }]);
		(await hook.calls.next()).answer(410);
		const { store } = bed.engine.context;
		await bed.until(async () => store.disabledTarget('default', id as never, '0').then(Boolean));
		demand(await patch(id, { name: 'Still' }), 200);
		expect(await store.disabledTarget('default', id as never, '0')).not.toBeNull();
		demand(await patch(id, { delivery }), 200);
		expect(await store.disabledTarget('default', id as never, '0')).toBeNull();
		bed.clock.advance(10 * MINUTE);
		(await calls.next()).answer(200, [{ a: 2 }]);
		(await hook.calls.next()).answer(200);
	});
});
