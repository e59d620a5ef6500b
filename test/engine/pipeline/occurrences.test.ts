import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

const MINUTE = 60_000;

let server: CapabilityServer;
let bed: Bed;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await bed.register('rows', server.json('/rows', [{ id: 1 }]));
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

async function scheduled(body: object = {}): Promise<{ id: string; anchor: number }> {
	const { scheduleId } = await bed.schedule('rows', { timing: { every: '1m' }, ...body });
	return { id: scheduleId, anchor: bed.clock.now() };
}

async function page(id: string, query: string): Promise<Body> {
	return demand(await bed.admin.get(`/v1/schedules/${id}/occurrences?${query}`), 200).body;
}

/** All pages, with something done between two of them. */
async function pages(
	id: string,
	query: string,
	between: () => Promise<void> = () => Promise.resolve(),
): Promise<Body[]> {
	const items: Body[] = [];
	for (let cursor = ''; ;) {
		const { items: more, nextCursor } = await page(id, query + cursor);
		items.push(...more);
		if (nextCursor === null) return items;
		cursor = `&cursor=${nextCursor}`;
		await between();
	}
}

/** Lets so many minutes pass, one by one, and waits until each is decided. */
async function live(id: string, minutes: number): Promise<void> {
	for (let n = 0; n < minutes; n++) {
		const { length } = await bed.ledger(id);
		bed.clock.advance(MINUTE);
		await bed.until(async () => (await bed.ledger(id)).length > length);
		await bed.until(async () => {
			const { body } = await bed.admin.get(`/v1/runs?scheduleId=${id}&limit=200`);
			return body.items.every(({ state }: Body) => state === 'succeeded');
		});
	}
}

const iso = (at: number): string => new Date(at).toISOString();
const nominal = (items: Body[], anchor: number): number[] =>
	items.map(({ nominalAt }) => (Date.parse(nominalAt) - anchor) / MINUTE);

describe('the occurrences of a schedule', () => {
	it('are one list of past and future, the same from both ends', async () => {
		const { id, anchor } = await scheduled();
		await live(id, 5);
		const range = `to=${iso(anchor + 12 * MINUTE)}`;
		const upwards = await pages(id, `${range}&limit=5`);
		expect(nominal(upwards, anchor)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
		expect(upwards.map(({ outcome }) => outcome)).toEqual([
			...Array.from({ length: 5 }, () => 'fired'),
			...Array.from({ length: 7 }, () => null),
		]);
		for (const size of [1, 4, 7]) {
			const downwards = await pages(id, `${range}&order=desc&limit=${size}`);
			expect(downwards.reverse()).toEqual(upwards);
		}
		expect(upwards[5]).toMatchObject({ planned: 'run', decidedAt: null, runId: null, notes: [] });
		expect(upwards[0]).toMatchObject({ planned: null, runId: expect.stringMatching(/^run_/) });
	});

	it('come once each though they are decided between two pages', async () => {
		const { id, anchor } = await scheduled();
		await live(id, 3);
		const to = `to=${iso(anchor + 12 * MINUTE)}`;
		const between = () => live(id, 1);
		const upwards = await pages(id, `${to}&limit=2`, between);
		expect(nominal(upwards, anchor)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
		const downwards = await pages(id, `${to}&order=desc&limit=2`, between);
		expect(nominal(downwards, anchor)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
	});

	it('end where the limit or the end of the timing does, and begin now when the latest come first', async () => {
		const limited = await scheduled({ timing: { every: '1m', limit: 4 } });
		await live(limited.id, 1);
		expect(nominal(await pages(limited.id, 'limit=3'), limited.anchor)).toEqual([1, 2, 3, 4]);
		const late = `to=${iso(limited.anchor + 99 * MINUTE)}&order=desc&limit=3`;
		expect(nominal(await pages(limited.id, late), limited.anchor)).toEqual([4, 3, 2, 1]);
		expect(nominal(await pages(limited.id, 'order=desc'), limited.anchor)).toEqual([1]);
	});

	it('can be narrowed to an outcome, to what is decided, or to what is to come', async () => {
		const { id, anchor } = await scheduled();
		await live(id, 2);
		const to = `to=${iso(anchor + 4 * MINUTE)}`;
		const of = async (outcome: string) =>
			nominal(await pages(id, `${to}&outcome=${outcome}&limit=1`), anchor);
		expect(await of('fired')).toEqual([1, 2]);
		expect(await of('decided')).toEqual([1, 2]);
		expect(await of('planned')).toEqual([3, 4]);
		expect(await of('missed')).toEqual([]);
	});

	it('are foreseen as skipped while the schedule is paused', async () => {
		const { id } = await scheduled();
		demand(await bed.admin.post(`/v1/schedules/${id}/pause`), 200);
		const { items } = await page(id, 'limit=1');
		expect(items[0]).toMatchObject({ planned: 'skip', reason: 'the schedule is paused' });
	});

	it('tell the local time and what a clock change does', async () => {
		const timing = { cron: '30 2 28 3 *', timeZone: 'Europe/Berlin' };
		const { id } = await scheduled({ timing });
		const { items } = await page(id, 'limit=1');
		expect(items[0]).toMatchObject({
			local: '2027-03-28T03:30:00+02:00[Europe/Berlin]',
			notes: ['clock change: 02:30 does not exist on this day, shifted to 03:30'],
		});
	});

	it('refuse a cursor that no page gave, with its place', async () => {
		const { id } = await scheduled();
		const { status, body } = await bed.admin.get(`/v1/schedules/${id}/occurrences?cursor=x`);
		expect(status).toBe(400);
		expect(body.errors[0].path).toBe('query.cursor');
	});
});
