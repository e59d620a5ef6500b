import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ROUTES } from '../../../engine/http/routes/index.ts';
import type { Client } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';

let server: CapabilityServer;
let bed: Bed;
let stranger: Client;
let restricted: Client;
let ids: Record<string, string>;
const CALENDAR = { name: 'days-off', days: [{ date: '2027-12-24' }] };
const PAST = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', which: 'all' };
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	const url = server.json('/rows', [{ id: 1 }]);
	await bed.register('rows', url);
	const settings = { url: server.url('/none') };
	const destination = demand(
		await bed.admin.post('/v1/destinations', { name: 'ops', channel: 'webhook', settings }),
		201,
	).body;
	const { scheduleId } = await bed.schedule('rows', {
		timing: { every: '1h' },
		delivery: { targets: [{ channel: 'webhook', settings, format: 'csv' }] },
	});
	const run = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202).body.id;
	await bed.runIn(run, 'succeeded');
	const link = demand(await bed.admin.post(`/v1/runs/${run}/links`, {}), 201).body.link.id;
	const delivery = (await bed.run(run)).deliveries[0].id;
	const calendar = demand(await bed.admin.post('/v1/calendars', CALENDAR), 201).body.id;
	const backfill = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/backfill`, PAST), 202)
		.body.id;
	const key = (await bed.admin.get('/v1/me')).body.keyId;
	ids = {
		schedules: scheduleId,
		runs: run,
		destinations: destination.id,
		deliveries: delivery,
		links: link,
		keys: key,
		calendars: calendar,
		backfills: backfill,
	};
	stranger = bed.client(await bed.keyOf(['admin'], { tenant: 'other' }));
	restricted = bed.client(await bed.keyOf(['admin'], { capabilities: ['something-else'] }));
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

/** Routes that name an object of a tenant, with the id of one that is there. */
function placesOf(): { method: string; path: string }[] {
	return ROUTES.filter(({ auth, path }) => auth === 'key' && path.includes('{')).map(
		({ method, path }) => {
			const resource = path.split('/')[2] ?? '';
			const filled = path
				.replace('{capability}', 'rows')
				.replace('{name}', 'rows')
				.replace('{action}', 'go')
				.replace(/\{\w+\}/, ids[resource] ?? 'missing')
				.replace('{version}', '1')
				.replace(/\/days$/, '/days?from=2027-01-01&to=2027-12-31');
			return { method, path: filled };
		},
	);
}

const bodyFor = (path: string, method: string): unknown => {
	if (method === 'patch') return {};
	if (method !== 'post' && method !== 'put') return undefined;
	if (path.endsWith('/move')) return { to: '2027-06-01T00:00:00Z' };
	if (path.endsWith('/backfill')) return PAST;
	if (path.startsWith('/v1/calendars')) return CALENDAR;
	if (path.endsWith('/schedule')) return { action: 'go', time: 'in 1h' };
	if (path.endsWith('/rotate-secret') || path.endsWith('/test')) return undefined;
	if (path.startsWith('/v1/destinations'))
		return { name: 'ops', channel: 'webhook', settings: { url: server.url('/') } };
	return undefined;
};

describe('what belongs to one tenant', () => {
	it('is not there for the key of another, on any route', async () => {
		const answers: Record<string, number> = {};
		for (const { method, path } of placesOf()) {
			// Registering makes a capability of one's own.
			if (method === 'put' && path.startsWith('/v1/capabilities')) continue;
			const { status } = await stranger.send(method.toUpperCase(), path, {
				body: bodyFor(path, method),
			});
			answers[`${method} ${path}`] = status;
		}
		expect(Object.keys(answers).length).toBeGreaterThan(15);
		expect(Object.entries(answers).filter(([, status]) => status !== 404)).toEqual([]);
	});

	it('is in no list and no event of another', async () => {
		for (const list of [
			'schedules',
			'runs',
			'destinations',
			'deliveries',
			'dead-letters',
			'capabilities',
			'calendars',
		]) {
			expect((await stranger.get(`/v1/${list}`)).body.items).toEqual([]);
		}
		const { store } = bed.engine.context;
		const events = await store.readEvents('other', null, 100);
		expect(events.map(({ type }) => type)).toEqual(['key.created']);
	});

	it('is still as it was', async () => {
		expect((await bed.admin.get(`/v1/schedules/${ids['schedules']}`)).body.status).toBe('active');
		expect((await bed.admin.get(`/v1/links/${ids['links']}`)).status).not.toBe(200);
		expect((await bed.run(ids['runs'] ?? '')).links[0].revokedAt).toBeNull();
		expect((await bed.admin.get('/v1/me')).status).toBe(200);
	});
});

describe('a key for some capabilities', () => {
	it('sees nothing of the others and changes nothing of them', async () => {
		const answers: Record<string, number> = {};
		for (const { method, path } of placesOf()) {
			if (/^\/v1\/(?:keys|destinations|links|calendars)/.test(path) || method === 'put') continue;
			const { status } = await restricted.send(method.toUpperCase(), path, {
				body: bodyFor(path, method),
			});
			answers[`${method} ${path}`] = status;
		}
		expect(Object.entries(answers).filter(([, status]) => status !== 404)).toEqual([]);
		for (const list of ['schedules', 'runs', 'deliveries', 'dead-letters', 'capabilities']) {
			expect((await restricted.get(`/v1/${list}`)).body.items).toEqual([]);
		}
		const { body } = demand(await restricted.post('/v1/dead-letters/replay'), 202);
		expect(body.replayed).toEqual([]);
	});
});
