import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Body, TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';

let engine: TestEngine;
beforeAll(async () => {
	engine = await startTestEngine();
});
afterAll(() => engine.close());

async function ask(path: string, body: object): Promise<{ status: number; body: Body }> {
	return engine.admin.post(`/v1/timing/${path}`, body);
}

const weekdays = { cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' };

describe('a preview', () => {
	it('tells the next instants on the clocks of the schedule and of the viewer', async () => {
		const { status, body } = await ask('preview', {
			timing: weekdays,
			from: '2027-03-25T12:00:00Z',
			count: 2,
			viewerTimeZone: 'America/New_York',
		});
		expect(status).toBe(200);
		expect(body).toMatchObject({
			occurrences: [
				{
					at: '2027-03-26T08:00:00.000Z',
					local: '2027-03-26T09:00:00+01:00[Europe/Berlin]',
					viewerLocal: '2027-03-26T04:00:00-04:00[America/New_York]',
					planned: 'run',
					reason: null,
				},
				{
					at: '2027-03-29T07:00:00.000Z',
					local: '2027-03-29T09:00:00+02:00[Europe/Berlin]',
					viewerLocal: '2027-03-29T03:00:00-04:00[America/New_York]',
				},
			],
			understood: weekdays,
		});
	});

	it('ends with the limit or the end, and lists ten unless told otherwise', async () => {
		const length = async (more: object): Promise<number> =>
			(await ask('preview', more)).body.occurrences.length;
		expect(await length({ frequency: 'every 15m' })).toBe(10);
		expect(await length({ timing: { every: '1h', limit: 3 } })).toBe(3);
		expect(await length({ time: 'in 10m' })).toBe(1);
		expect(await length({ frequency: '@daily', count: 1000 })).toBe(1000);
	});

	it('notes what a clock change does', async () => {
		const { body } = await ask('preview', {
			timing: { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
			from: '2027-03-27T12:00:00Z',
			count: 1,
		});
		expect(body.occurrences[0].notes).toEqual([
			'clock change: 02:30 does not exist on this day, shifted to 03:30',
		]);
		expect(body.transitions[0]).toMatchObject({ kind: 'gap', effect: 'shifted', width: '1h' });
		expect(body.warnings.map(({ code }: Body) => code)).toContain('CLOCK_CHANGE_GAP');
	});

	it.each([
		[{ frequency: '0 0 30 2 *' }, 422, 'frequency'],
		[{ timing: weekdays, time: 'in 5m' }, 400, 'timing'],
		[{ timing: weekdays, viewerTimeZone: 'Berlin' }, 422, 'viewerTimeZone'],
		[{ timing: weekdays, count: 1001 }, 400, 'count'],
		[{}, 400, 'timing'],
	])('refuses %j with its place', async (body, status, path) => {
		const answer = await ask('preview', body);
		expect(answer.status).toBe(status);
		expect(answer.body.errors[0].path).toBe(path);
	});
});

describe('the linter', () => {
	it('answers errors with their places and what was expected', async () => {
		const { status, body } = await ask('lint', { timing: { cron: '0 9 32 * *' } });
		expect(status).toBe(200);
		expect(body).toMatchObject({ ok: false, warnings: [] });
		expect(body.errors).toMatchObject([{ code: 'INVALID_TIMING', path: 'timing.cron' }]);
	});

	it.each([
		[{ timing: { cron: 5 } }, 'timing.cron'],
		[{ timing: {}, frequency: 'x' }, 'timing'],
		[{ timing: weekdays, policies: { overlap: 'never' } }, 'policies.overlap'],
		[{ timing: weekdays, more: 1 }, 'more'],
		[{}, 'timing'],
	])('takes %j and names what is wrong', async (input, path) => {
		const { status, body } = await ask('lint', input);
		expect(status).toBe(200);
		expect(body.ok).toBe(false);
		expect(body.errors[0].path).toBe(path);
	});

	it('warns of what may surprise', async () => {
		const { body } = await ask('lint', { timing: { cron: '0 0 31 * *' } });
		expect(body).toMatchObject({
			ok: true,
			errors: [],
			warnings: [{ code: 'SKIPS_MONTHS' }, { code: 'CATCH_UP_WINDOW_SHORT' }],
		});
	});

	it('names contradictory policies, which creating a schedule refuses', async () => {
		const policies = { heartbeat: '10m', overlap: 'cancel_other', catchUp: { mode: 'all' } };
		const { body } = await ask('lint', { timing: { every: '1h' }, policies });
		expect(body).toMatchObject({
			ok: false,
			errors: [
				{ code: 'HEARTBEAT_NOT_SHORTER', path: 'policies.heartbeat', received: '10m' },
				{ code: 'CATCH_UP_CANCELS_ITSELF', path: 'policies.catchUp.mode' },
			],
		});
		const binding = { type: 'http', url: 'http://127.0.0.1:9/' };
		await engine.admin.put('/v1/capabilities/contradicted', { actions: { go: {} }, binding });
		const refused = await engine.admin.post('/contradicted/schedule', {
			action: 'go',
			timing: { every: '1h' },
			policies,
		});
		expect(refused).toMatchObject({ status: 422, body: { code: 'INVALID_POLICIES' } });
		expect(refused.body.errors.map(({ path }: { path: string }) => path)).toEqual([
			'policies.heartbeat',
			'policies.catchUp.mode',
		]);
		const told = await engine.admin.post('/contradicted/schedule', {
			action: 'go',
			frequency: 'every 1m',
		});
		expect(told.body.warnings).toMatchObject([{ code: 'SHORTER_THAN_TIMEOUT' }]);
	});
});
