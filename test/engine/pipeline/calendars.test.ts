import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { EngineParts } from '../../../engine/main.ts';
import { extendCalendars } from '../../../engine/pipeline/calendars.ts';
import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

const DAY = 86_400_000;

let server: CapabilityServer;
let bed: Bed;
let parts: EngineParts & { zoneData: string };
beforeAll(async () => {
	server = await new CapabilityServer().start();
});
afterAll(async () => {
	await server.close();
});
beforeEach(async () => {
	parts = { zoneData: '2026a' };
	bed = await startBed({}, parts as object);
	await bed.register('rows', server.json('/rows', [{ id: 1 }]));
});
afterEach(async () => {
	await bed.close();
});

/** It is Friday, 2027-01-01. */
const DAILY = { cron: '0 9 * * *', timeZone: 'Europe/Berlin' };

async function made(body: object): Promise<Body> {
	return demand(await bed.admin.post('/v1/calendars', body), 201).body;
}

async function changedTo(name: string, days: string[]): Promise<Body> {
	const body = { name, days: days.map((date) => ({ date, name: 'closed' })) };
	return demand(await bed.admin.put(`/v1/calendars/${name}`, body), 200).body;
}

async function scheduled(timing: object): Promise<Body> {
	return bed.schedule('rows', { timing });
}

async function shown(id: string): Promise<Body> {
	return demand(await bed.admin.get(`/v1/schedules/${id}`), 200).body;
}

const next = ({ nextOccurrences }: Body): string[] => nextOccurrences.map(({ at }: Body) => at);

describe('a calendar', () => {
	it('keeps every version, and shows days, working days and where they come from', async () => {
		const first = await made({
			name: 'closed',
			title: 'When we are closed',
			days: [{ date: '2027-01-06', name: 'Epiphany' }, { date: '2027-01-04' }],
		});
		expect(first).toMatchObject({
			version: 1,
			weekend: ['sun', 'sat'],
			days: [
				{ date: '2027-01-04', name: 'a day off' },
				{ date: '2027-01-06', name: 'Epiphany' },
			],
			knownUntil: '2037-12-31',
			source: { kind: 'days' },
		});
		const second = await changedTo('closed', ['2027-01-05']);
		expect(second.version).toBe(2);
		const versions = demand(await bed.admin.get('/v1/calendars/closed/versions'), 200).body;
		expect(versions.items.map(({ version }: Body) => version)).toEqual([2, 1]);
		const old = demand(await bed.admin.get(`/v1/calendars/${first.id}/versions/1`), 200).body;
		expect(old.days).toEqual(first.days);
		const range = '/v1/calendars/closed/days?from=2027-01-01&to=2027-01-05';
		const { days } = demand(await bed.admin.get(range), 200).body;
		expect(days.map(({ workingDay }: Body) => workingDay)).toEqual([
			true,
			false,
			false,
			true,
			false,
		]);
		const types = (await bed.events()).map(({ type }) => type);
		expect(types).toEqual(expect.arrayContaining(['calendar.created', 'calendar.updated']));
	});

	it('is not changed by the same again', async () => {
		await made({ name: 'closed', days: [{ date: '2027-01-05', name: 'closed' }] });
		expect((await changedTo('closed', ['2027-01-05'])).version).toBe(1);
	});

	it('is changed only as it was read, and deleted only when no schedule names it', async () => {
		const { id, version } = await made({ name: 'closed', days: [] });
		const body = { name: 'closed', days: [{ date: '2027-01-05' }] };
		const stale = { headers: { 'if-match': '"7"' } };
		expect((await bed.admin.put('/v1/calendars/closed', body, stale)).status).toBe(412);
		const fresh = { headers: { 'if-match': `"${version}"` } };
		expect((await bed.admin.put(`/v1/calendars/${id}`, body, fresh)).status).toBe(200);
		const { scheduleId } = await scheduled({ ...DAILY, exclude: [{ calendar: 'closed' }] });
		const refused = await bed.admin.delete('/v1/calendars/closed');
		expect(refused).toMatchObject({ status: 409, body: { code: 'IN_USE' } });
		expect(refused.body.detail).toContain(scheduleId);
		await bed.admin.delete(`/v1/schedules/${scheduleId}`);
		expect((await bed.admin.delete('/v1/calendars/closed')).status).toBe(204);
		expect((await bed.admin.get('/v1/calendars/closed')).status).toBe(404);
		// The name is free again, and another's past is not shown under it.
		expect((await made({ name: 'closed', days: [] })).id).not.toBe(id);
	});

	it('has the public holidays of a region for ten years', async () => {
		const body = { name: 'by', holidays: { country: 'DE', region: 'BY' } };
		const { days, source } = await made(body);
		expect(source).toEqual({ kind: 'holidays', country: 'DE', region: 'BY', types: ['public'] });
		const dates = days.map(({ date }: Body) => date);
		// Epiphany is one in Bavaria; Easter Monday moves.
		expect(dates).toEqual(
			expect.arrayContaining(['2026-01-06', '2027-01-06', '2027-03-29', '2037-12-25']),
		);
		expect(dates).not.toContain('2027-02-02');
	});

	it('has the all-day events of an iCalendar file', async () => {
		const ics = [
			'BEGIN:VCALENDAR',
			'VERSION:2.0',
			'PRODID:-//test//EN',
			...event('a', 'Shutdown', ['DTSTART;VALUE=DATE:20271224', 'DTEND;VALUE=DATE:20271227']),
			...event('b', 'Founding day', ['DTSTART;VALUE=DATE:20200229', 'RRULE:FREQ=YEARLY']),
			...event('c', 'Off', ['DTSTART;VALUE=DATE:20270301', 'STATUS:CANCELLED']),
			...event('d', 'A meeting', ['DTSTART:20270302T090000Z', 'DTEND:20270302T100000Z']),
			...event('e', 'Week', ['DTSTART;VALUE=DATE:20270405', 'RRULE:FREQ=DAILY;COUNT=3']),
			...event('e', 'Moved', ['DTSTART;VALUE=DATE:20270420', 'RECURRENCE-ID;VALUE=DATE:20270406']),
			...event('f', 'Month ends', [
				'DTSTART;VALUE=DATE:20260131',
				'RRULE:FREQ=YEARLY;BYMONTH=1,2;UNTIL=20270401',
			]),
			'END:VCALENDAR',
		].join('\r\n');
		const { days } = await made({ name: 'file', ics });
		expect(days).toEqual([
			{ date: '2026-01-31', name: 'Month ends' },
			{ date: '2027-01-31', name: 'Month ends' },
			{ date: '2027-04-05', name: 'Week' },
			{ date: '2027-04-07', name: 'Week' },
			{ date: '2027-04-20', name: 'Moved' },
			{ date: '2027-12-24', name: 'Shutdown' },
			{ date: '2027-12-25', name: 'Shutdown' },
			{ date: '2027-12-26', name: 'Shutdown' },
			{ date: '2028-02-29', name: 'Founding day' },
			{ date: '2032-02-29', name: 'Founding day' },
			{ date: '2036-02-29', name: 'Founding day' },
		]);
	});

	it('gets the days of another year once one has passed', async () => {
		const { id } = await made({ name: 'de', holidays: { country: 'DE' } });
		await extendCalendars(bed.engine.context);
		expect((await calendar(id)).version).toBe(1);
		bed.clock.advance(366 * DAY);
		expect(await extendCalendars(bed.engine.context)).toBe(1);
		const { version, days, knownFrom } = await calendar(id);
		expect(version).toBe(2);
		const dates = days.map(({ date }: Body) => date);
		expect(dates).toEqual(expect.arrayContaining(['2026-01-01', '2038-12-25']));
		expect(knownFrom).toBe('2026-01-01');
		expect(await extendCalendars(bed.engine.context)).toBe(0);
	});
});

async function calendar(id: string): Promise<Body> {
	return demand(await bed.admin.get(`/v1/calendars/${id}`), 200).body;
}

function event(uid: string, summary: string, lines: string[]): string[] {
	return ['BEGIN:VEVENT', `UID:${uid}`, `SUMMARY:${summary}`, ...lines, 'END:VEVENT'];
}

describe('a schedule that names a calendar', () => {
	it('skips its days, with the day, the calendar and its version in the ledger', async () => {
		await made({ name: 'closed', days: [{ date: '2027-01-02', name: 'Bank holiday' }] });
		const timing = { ...DAILY, exclude: [{ calendar: 'closed' }] };
		const { scheduleId, nextOccurrences } = await scheduled(timing);
		expect(next({ nextOccurrences })[1]).toBe('2027-01-03T08:00:00.000Z');
		expect((await shown(scheduleId)).timing.exclude).toEqual([
			{ calendar: 'closed', rule: 'skip' },
		]);
		bed.clock.advanceTo(Date.UTC(2027, 0, 2, 8));
		await bed.until(async () => (await bed.ledger(scheduleId)).length === 2);
		const row = (await bed.ledger(scheduleId)).find(
			({ outcome }) => outcome === 'skipped_calendar',
		);
		expect(row).toMatchObject({
			reason: '2027-01-02 is Bank holiday in closed (version 1)',
		});
	});

	it('is moved to the next working day, and its answers say from where', async () => {
		await made({ name: 'closed', days: [{ date: '2027-01-04', name: 'Bridge day' }] });
		const exclude = [{ calendar: 'closed', rule: 'next_working_day' }];
		const { nextOccurrences, scheduleId, understood } = await scheduled({
			cron: '0 9 4 * *',
			timeZone: 'Europe/Berlin',
			exclude,
		});
		expect(understood).toMatchObject({ exclude });
		expect(nextOccurrences[0]).toMatchObject({
			at: '2027-01-05T08:00:00.000Z',
			notes: [expect.stringContaining('2027-01-04 is Bridge day in closed (version 1)')],
		});
		bed.clock.advanceTo(Date.UTC(2027, 0, 5, 8));
		await bed.until(async () => (await bed.ledger(scheduleId)).length === 1);
		bed.clock.advance(1);
		await changedTo('closed', []);
		// What was decided is told by the version of then.
		const path = `/v1/schedules/${scheduleId}/occurrences?outcome=decided`;
		const { items } = demand(await bed.admin.get(path), 200).body;
		expect(items[0].notes).toEqual([expect.stringContaining('Bridge day in closed (version 1)')]);
	});

	it('is refused when the calendar is not there, with the nearest one', async () => {
		await made({ name: 'holidays-de', days: [] });
		const body = { action: 'go', timing: { ...DAILY, exclude: [{ calendar: 'holiday-de' }] } };
		const answer = await bed.admin.post('/rows/schedule', body);
		expect(answer).toMatchObject({ status: 422, body: { code: 'INVALID_TIMING' } });
		expect(answer.body.errors[0]).toMatchObject({
			path: 'timing.exclude[0].calendar',
			expected: expect.stringContaining('perhaps "holidays-de"'),
		});
	});

	it('can be previewed and linted', async () => {
		await made({ name: 'closed', days: [{ date: '2027-01-02', name: 'Bank holiday' }] });
		const timing = { ...DAILY, exclude: [{ calendar: 'closed' }] };
		const { occurrences, understood } = demand(
			await bed.admin.post('/v1/timing/preview', { timing, count: 2 }),
			200,
		).body;
		expect(occurrences[1]).toMatchObject({ planned: 'skip' });
		expect(understood.exclude).toEqual([{ calendar: 'closed', rule: 'skip' }]);
		const lint = demand(await bed.admin.post('/v1/timing/lint', { timing }), 200).body;
		expect(lint.ok).toBe(true);
	});
});

describe('when a calendar changes', () => {
	it('is due by the new version, and an event says so', async () => {
		await made({ name: 'open', days: [{ date: '2027-01-05' }] });
		const { scheduleId, nextOccurrences } = await scheduled({
			...DAILY,
			only: [{ calendar: 'open' }],
		});
		expect(next({ nextOccurrences })).toEqual(['2027-01-05T08:00:00.000Z']);
		const { revision } = await shown(scheduleId);
		await changedTo('open', ['2027-01-03', '2027-01-05']);
		const now = await shown(scheduleId);
		expect(now.nextOccurrenceAt).toBe('2027-01-03T08:00:00.000Z');
		expect(now.revision).toBe(revision);
		const [retimed] = await bed.events('schedule.retimed');
		expect(retimed?.data).toEqual({
			from: '2027-01-05T08:00:00.000Z',
			to: '2027-01-03T08:00:00.000Z',
			because: 'calendar open is now at version 2',
		});
		bed.clock.advanceTo(Date.UTC(2027, 0, 3, 8));
		await bed.until(async () => (await bed.ledger(scheduleId)).length === 1);
	});

	it('makes no occurrences of days that are gone', async () => {
		await made({ name: 'open', days: [{ date: '2027-01-01' }, { date: '2027-01-09' }] });
		const { scheduleId } = await scheduled({ ...DAILY, only: [{ calendar: 'open' }] });
		bed.clock.advanceTo(Date.UTC(2027, 0, 6, 12));
		await bed.until(async () => (await bed.ledger(scheduleId)).length === 1);
		await changedTo('open', ['2027-01-03', '2027-01-05', '2027-01-07', '2027-01-09']);
		expect((await shown(scheduleId)).nextOccurrenceAt).toBe('2027-01-07T08:00:00.000Z');
		expect(await bed.ledger(scheduleId)).toHaveLength(1);
	});

	it('heals when the engine died between the new version and its schedules', async () => {
		const { id } = await made({ name: 'open', days: [{ date: '2027-01-05' }] });
		const { scheduleId } = await scheduled({ ...DAILY, only: [{ calendar: 'open' }] });
		const { store } = bed.engine.context;
		const before = await store.getCalendar('default', id);
		if (before === null) throw new Error('no calendar');
		const days = [{ date: '2027-01-03', name: 'open' }];
		// What the pipeline commits first; then it dies.
		await store.replaceCalendar({ ...before, version: 2, days }, []);
		expect((await shown(scheduleId)).nextOccurrenceAt).toBe('2027-01-05T08:00:00.000Z');
		await bed.restart();
		expect((await shown(scheduleId)).nextOccurrenceAt).toBe('2027-01-03T08:00:00.000Z');
	});

	it('retimes all of many schedules', async () => {
		await made({ name: 'open', days: [{ date: '2027-01-05' }] });
		for (let n = 0; n < 300; n++) await scheduled({ ...DAILY, only: [{ calendar: 'open' }] });
		await changedTo('open', ['2027-01-03']);
		expect(await bed.events('schedule.retimed')).toHaveLength(300);
	});
});

describe('when the time zone data changes', () => {
	it('works out again what is due next, keeps what was decided, and an event says so', async () => {
		const { scheduleId } = await scheduled(DAILY);
		bed.clock.advanceTo(Date.UTC(2027, 0, 1, 8));
		await bed.until(async () => (await bed.ledger(scheduleId)).length === 1);
		const ledger = await bed.ledger(scheduleId);
		// As if the data of before had put the zone an hour farther east.
		const { store } = bed.engine.context;
		const schedule = await store.getSchedule('default', scheduleId);
		const old = Date.UTC(2027, 0, 2, 7);
		await store.changeSchedule({
			tenant: 'default',
			id: scheduleId,
			from: ['active'],
			readNextAt: schedule?.nextAt ?? null,
			set: { nextAt: old, dueAt: old },
			timerAt: old,
			settle: [],
			events: [],
		});
		await bed.restart();
		expect((await shown(scheduleId)).nextOccurrenceAt).toBe('2027-01-02T07:00:00.000Z');
		parts.zoneData = '2026b';
		await bed.restart();
		expect((await shown(scheduleId)).nextOccurrenceAt).toBe('2027-01-02T08:00:00.000Z');
		expect(await bed.ledger(scheduleId)).toEqual(ledger);
		const [retimed] = await bed.events('schedule.retimed');
		expect(retimed?.data).toEqual({
			from: '2027-01-02T07:00:00.000Z',
			to: '2027-01-02T08:00:00.000Z',
			because: 'time zone data 2026b, before 2026a',
		});
	});
});

describe('what is wrong with a calendar is told', () => {
	it.each([
		[{ ics: 'not a calendar' }, 'ics', 'iCalendar'],
		[{ ics: 'BEGIN:VCARD\r\nEND:VCARD' }, 'ics', 'BEGIN:VCALENDAR'],
		[{ holidays: { country: 'Germany' } }, 'holidays.country', 'perhaps "DE" (Germany)'],
		[{ holidays: { country: 'DE', region: 'bavria' } }, 'holidays.region', 'a region'],
		[{ days: [{ date: '2027-02-30' }] }, 'days[0].date', 'a date that exists'],
		[{ days: [{ date: '2027-02-03' }, { date: '2027-02-03' }] }, 'days[1].date', 'not in the list'],
		[{}, 'body', 'exactly one of "days", "ics" and "holidays"'],
		[{ days: [], ics: 'x' }, 'body', 'exactly one of'],
	])('%j', async (source, path, expected) => {
		const answer = await bed.admin.post('/v1/calendars', { name: 'wrong', ...source });
		expect(answer.status).toBe(400);
		expect(answer.body.errors[0]).toMatchObject({
			path,
			expected: expect.stringContaining(expected),
		});
	});
});
