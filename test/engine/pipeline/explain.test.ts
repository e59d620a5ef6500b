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

async function scheduled(timing: object, more: object = {}): Promise<string> {
	return (await bed.schedule('rows', { timing, ...more })).scheduleId as string;
}

async function why(id: string, at?: string): Promise<Body> {
	const query = at === undefined ? '' : `?at=${encodeURIComponent(at)}`;
	return demand(await bed.admin.get(`/v1/schedules/${id}/explain${query}`), 200).body;
}

const stopped = ({ chain }: Body): Body => chain.find(({ result }: Body) => result === 'stopped');

describe('why an instant is no occurrence', () => {
	const quarters = { cron: '0,15,30,45 9-17 * * 1-5', timeZone: 'Europe/Berlin' };

	it.each([
		['2027-03-01T09:07:00Z', 'the minute is 7, the pattern wants 0,15,30,45'],
		['2027-03-01T09:00:30Z', 'the second is 30, the pattern wants 0'],
		['2027-03-01T20:00:00Z', 'the hour is 21, the pattern wants 9,10,11,12,13,14,15,16,17'],
		['2027-03-06T09:00:00Z', 'the day is Saturday the 6, of March 2027 the pattern wants'],
		['2027-03-01T09:00:00.500Z', 'a pattern gives whole seconds'],
		['2026-03-02T09:00:00Z', 'the schedule was made at'],
	])('%s: %s', async (at, text) => {
		const id = await scheduled(quarters);
		const found = await why(id, at);
		expect(found.verdict).toBe('no_occurrence');
		expect(found.summary).toContain(text);
		expect(stopped(found).text).toContain(text);
	});

	it.each([
		{ rrule: 'DTSTART;TZID=Europe/Berlin:20270101T023000\nRRULE:FREQ=DAILY' },
		{ every: '1 month', anchor: '2027-01-31T02:30:00', timeZone: 'Europe/Berlin' },
	])('tells that the clock shows its time again: %j', async (timing) => {
		const found = await why(await scheduled(timing), '2027-10-31T01:30:00Z');
		expect(stopped(found).text).toBe(
			'the clock shows 02:30 twice on 2027-10-31, and this is not the time that counts',
		);
	});

	it('tells where a calendar moved it, and why', async () => {
		demand(
			await bed.admin.post('/v1/calendars', {
				name: 'inventory',
				days: [{ date: '2027-03-01', name: 'Stocktaking' }],
			}),
			201,
		);
		const moving = [{ calendar: 'inventory', rule: 'next_working_day' }];
		const nine = { cron: '0 9 * * *', timeZone: 'Europe/Berlin', exclude: moving };
		const text =
			'moved to 2027-03-02T09:00:00+01:00[Europe/Berlin]: 2027-03-01 is Stocktaking in inventory (version 1)';
		for (const timing of [nine, { ...nine, only: [{ weekdays: ['mon'] }] }]) {
			const found = await why(await scheduled(timing), '2027-03-01T08:00:00Z');
			expect(found.verdict).toBe('no_occurrence');
			expect(stopped(found)).toMatchObject({ rule: 'exclude', text });
		}
		const closed = await scheduled({ ...nine, only: [{ weekdays: ['tue'] }] });
		expect(stopped(await why(closed, '2027-03-01T08:00:00Z')).rule).toBe('only');
	});

	it('names the instants before and after', async () => {
		const found = await why(await scheduled(quarters), '2027-03-05T20:00:00+01:00');
		expect(found.nearest).toEqual({
			previous: {
				at: '2027-03-05T16:45:00.000Z',
				local: '2027-03-05T17:45:00+01:00[Europe/Berlin]',
			},
			next: {
				at: '2027-03-08T08:00:00.000Z',
				local: '2027-03-08T09:00:00+01:00[Europe/Berlin]',
			},
		});
	});

	it('tells of a bound, a limit and an interval', async () => {
		const bounded = await scheduled({ cron: '0 9 * * *', end: '2027-02-01T00:00:00Z' });
		expect(stopped(await why(bounded, '2027-02-03T09:00:00Z'))).toMatchObject({
			rule: 'end',
			value: '2027-02-01T00:00:00.000Z',
		});
		const limited = await scheduled({ cron: '0 9 * * *', limit: 3 });
		expect((await why(limited, '2027-01-03T09:00:00Z')).verdict).toBe('will_run');
		expect(stopped(await why(limited, '2027-01-04T09:00:00Z'))).toMatchObject({
			rule: 'limit',
			value: '0 of 3',
		});
		const every = await scheduled({ every: '15m', anchor: '2027-01-01T00:00:00Z' });
		expect(stopped(await why(every, '2027-05-01T00:17:00Z')).text).toBe(
			'it is 2m past a beat of every 15m',
		);
	});

	it('tells which of two hours counts when the clocks are set back', async () => {
		const id = await scheduled({ cron: '30 2 * * *', timeZone: 'Europe/Berlin' });
		expect((await why(id, '2027-10-31T00:30:00Z')).verdict).toBe('will_run');
		const second = await why(id, '2027-10-31T01:30:00Z');
		expect(second.verdict).toBe('no_occurrence');
		expect(second.summary).toContain('shows 02:30 twice on 2027-10-31');
		const gap = await why(id, '2027-03-28T01:30:00Z');
		expect(gap.verdict).toBe('will_run');
		expect(gap.chain[1]).toMatchObject({ rule: 'clock', value: 'Europe/Berlin' });
		expect(gap.chain[1].text).toContain('02:30 does not exist on this day, shifted to 03:30');
	});
});

describe('why an occurrence is what it is', () => {
	it('tells what is open before it is due, and what stands in its way', async () => {
		const id = await scheduled({ every: '1h' }, { policies: { overlap: 'skip' } });
		const ahead = await why(id);
		expect(ahead.verdict).toBe('will_run');
		expect(ahead.chain.map(({ rule, result }: Body) => [rule, result])).toEqual([
			['timing', 'passed'],
			['clock', 'noted'],
			['catch_up', 'open'],
			['overlap', 'open'],
		]);
		demand(await bed.admin.post(`/v1/schedules/${id}/pause`), 200);
		const paused = await why(id);
		expect(paused).toMatchObject({
			verdict: 'will_skip',
			summary: 'It will not run: the schedule is paused.',
		});
	});

	it('shows the run that was made, and how late it was', async () => {
		const id = await scheduled({ every: '1m' });
		bed.clock.advance(MINUTE + 1234);
		const [row] = await bed.until(async () => {
			const rows = await bed.ledger(id);
			return rows.length > 0 && rows;
		});
		const found = await why(id);
		expect(found).toMatchObject({
			at: row?.nominalAt,
			verdict: 'fired',
			summary: `It fired on time, as ${row?.runId}.`,
			run: { id: row?.runId },
		});
		expect(found.chain.find(({ rule }: Body) => rule === 'catch_up').text).toBe(
			'decided 1s234ms after it was due: on time',
		);
		await bed.admin.delete(`/v1/schedules/${id}`);
	});

	it('is refused to those who may not see the schedule', async () => {
		const id = await scheduled({ every: '1h' });
		const other = bed.client(await bed.keyOf(['schedules:read'], { tenant: 'other' }));
		expect((await other.get(`/v1/schedules/${id}/explain`)).status).toBe(404);
	});
});
