/**
 * The CapScheduler node against a real engine: each operation does what it says, and gives what its schema
 * (`__schema__`, which n8n's editor shows before a node has run) says that it gives.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { DataFolder } from '../support/folder.ts';
import { makeDataFolder } from '../support/folder.ts';
import { misfits } from './support/output-schema.ts';
import { engineAt, runNode } from './support/n8n.ts';

type Item = Record<string, any>;

const SCHEMAS = 'nodes/CapScheduler/__schema__/v1.0.0';
const schemas = new Map(
	readdirSync(SCHEMAS, { recursive: true, encoding: 'utf8' })
		.filter((name) => name.endsWith('.json'))
		.map((name) => [
			name.replace('.json', ''),
			JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8')),
		]),
);
const open = new Set(schemas.keys());

const byId = (value: unknown) => ({ __rl: true, mode: 'id', value });
const byName = (value: string) => ({ __rl: true, mode: 'name', value });

/** Runs an operation of the node; its items must fit its schema. */
async function operate(place: string, parameters: Record<string, unknown> = {}): Promise<Item[]> {
	const [resource, operation] = place.split('/');
	const output = await runNode({
		node: 'capScheduler',
		parameters: { resource, operation, ...parameters },
	});
	const items = output.map(({ json }) => json);
	open.delete(place);
	expect(items.length).toBeGreaterThan(0);
	for (const item of items) expect(misfits(item, schemas.get(place))).toEqual([]);
	return items;
}

async function one(place: string, parameters?: Record<string, unknown>): Promise<Item> {
	const [item] = await operate(place, parameters);
	return item!;
}

const server = new CapabilityServer();
let folder: DataFolder;
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
	await server.start();
	folder = await makeDataFolder();
	const engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: folder.path });
	engineAt.url = engine.url;
	engineAt.apiKey = engine.firstKey!;
	client = createClient(engine.url, engineAt.apiKey);
	server.json('/work', { rows: [{ region: 'EU', sales: 42 }] });
	server.json('/in', {}, 302, { location: '/elsewhere' }); // given up at once
	await client('PUT', '/v1/capabilities/reports', {
		actions: { sales: { parameters: { type: 'object' } }, later: {} },
		binding: { type: 'http', url: server.url('/work') },
	});
});
afterAll(async () => {
	await killEngines();
	await server.close();
	await folder.remove();
});

let schedule: Item;
/** Of the schedule. */
let run: Item;

const untilOver = async (id: string): Promise<Item> => {
	// the engine holds the answer back until the next event, so this neither sleeps nor spins
	let after = 'evt_0';
	for (;;) {
		const found = await one('run/get', { runId: id });
		if (['succeeded', 'failed', 'cancelled', 'expired'].includes(found['state'])) return found;
		after = await nextEvent(after);
	}
};

/** Waits for something to happen in the engine. @returns the id of what did */
async function nextEvent(after: string): Promise<string> {
	const answer = await fetch(`${engineAt.url}/v1/events?after=${after}`, {
		headers: { authorization: `Bearer ${engineAt.apiKey}`, accept: 'text/event-stream' },
	});
	let text = '';
	for await (const chunk of answer.body!) {
		text += Buffer.from(chunk).toString();
		const id = /^id: (evt_\w+)$/m.exec(text)?.[1];
		// leaving the loop closes the connection
		if (id !== undefined) return id;
	}
	throw new Error('the stream of events ended');
}

test('what can be scheduled is listed', async () => {
	const [found] = await operate('capability/getAll');
	expect(found).toMatchObject({ name: 'reports' });
	expect(await one('capability/get', { capability: byName('reports') })).toMatchObject({
		actions: { sales: {} },
	});
});

test('a schedule is made, found, changed in part, triggered, paused and resumed', async () => {
	const { scheduleId } = await one('schedule/create', {
		capability: byName('reports'),
		action: byName('sales'),
		parametersMode: 'json',
		parametersJson: '{ "region": "EU" }',
		timingMode: 'words',
		words: 'every day at 09:00',
		options: { name: 'Daily', labels: '{ "team": "bi" }', attempts: 2, timeout: '90s' },
	});
	schedule = await one('schedule/get', { schedule: byId(scheduleId) });
	expect(schedule).toMatchObject({ name: 'Daily', timing: { timeZone: 'Europe/Berlin' } });
	expect(await operate('schedule/getAll', { filters: { label: 'team:bi' } })).toHaveLength(1);

	const changed = await one('schedule/update', {
		schedule: byId(scheduleId),
		timingMode: 'rules',
		rule: { interval: [{ field: 'hours', hoursInterval: 1 }] },
		updateFields: { attempts: 5, name: 'Hourly' },
	});
	expect(changed).toMatchObject({
		name: 'Hourly',
		parameters: { region: 'EU' },
		changed: expect.arrayContaining(['timing', 'name', 'policies']),
	});
	expect(changed['policies']).toEqual({
		...schedule['policies'],
		retry: { ...schedule['policies'].retry, attempts: 5 },
	});

	run = await one('schedule/trigger', {
		schedule: byId(scheduleId),
		triggerParameters: '{ "region": "US" }',
	});
	expect(await one('schedule/pause', { schedule: byId(scheduleId) })).toMatchObject({
		status: 'paused',
	});
	expect(
		await one('schedule/resume', { schedule: byId(scheduleId), backlog: 'latest' }),
	).toMatchObject({ status: 'active' });
	expect(await one('schedule/pauseMany', { label: 'team:bi' })).toMatchObject({ changed: 1 });
	expect(await one('schedule/resumeMany', { label: 'team:bi', backlog: 'skip' })).toMatchObject({
		changed: 1,
	});
});

test('a timing is shown before there is a schedule', async () => {
	const items = await operate('schedule/preview', {
		timingMode: 'rules',
		rule: { interval: [{ field: 'weeks', weekdays: ['MO'], hour: 9 }] },
		count: 3,
	});
	expect(items).toHaveLength(3);
});

test('occurrences are listed, explained, skipped, moved and taken back', async () => {
	const at = { schedule: byId(schedule['id']) };
	const [next, second] = await operate('occurrence/getAll', { ...at, limit: 2 });
	expect(await one('occurrence/explain', { ...at, at: next?.['nominalAt'] })).toMatchObject({
		verdict: 'will_run',
	});
	expect(await one('occurrence/skip', { ...at, count: 1 })).toMatchObject({
		occurrences: [next?.['nominalAt']],
	});
	expect(await one('occurrence/unskip', at)).toMatchObject({ occurrences: [next?.['nominalAt']] });
	const to = new Date(Date.parse(second?.['nominalAt']) + 60_000).toISOString();
	expect(await one('occurrence/move', { ...at, at: second?.['nominalAt'], to })).toMatchObject({
		schedule: { overrides: { moved: [{ to }] } },
	});
});

test('the past is planned, run, watched and cancelled', async () => {
	const range = {
		schedule: byId(schedule['id']),
		from: '2026-01-01T00:00:00Z',
		to: '2026-01-01T02:00:00Z',
	};
	expect(await operate('backfill/preview', range)).toHaveLength(3);
	const { id } = await one('backfill/create', { ...range, options: { concurrency: 2 } });
	expect(await one('backfill/get', { backfillId: id })).toMatchObject({ total: 3 });
	expect(await operate('backfill/getAll', { schedule: range.schedule })).toHaveLength(1);
	await one('backfill/cancel', { backfillId: id, abort: true });
});

test('a run is watched, its result downloaded and linked to; it is repeated and cancelled', async () => {
	expect(await untilOver(run['id'])).toMatchObject({ state: 'succeeded' });
	await operate('run/getAll', { filters: { scheduleId: schedule['id'] } });
	expect(
		await one('run/download', { runId: run['id'], format: 'csv', binaryProperty: 'data' }),
	).toMatchObject({ mimeType: 'text/csv' });
	const { link, url } = await one('link/create', { runId: run['id'], format: 'csv' });
	expect(await (await fetch(url)).text()).toContain('EU');
	expect(await one('link/revoke', { linkId: link.id })).toMatchObject({ revoked: true });
	expect((await fetch(url)).status).toBe(410);

	const hanging = server.on('/work', () => undefined);
	expect(hanging).toBe(server.url('/work'));
	const again = await one('run/rerun', { runId: run['id'] });
	expect(await one('run/cancel', { runId: again['id'] })).toMatchObject({ state: 'cancelled' });
	server.json('/work', { rows: [{ region: 'EU', sales: 42 }] });
});

test('a destination is made and changed; what it refuses is a dead letter, and is sent again', async () => {
	const made = await one('destination/create', {
		name: 'warehouse',
		channel: 'webhook',
		settingsMode: 'json',
		settings: JSON.stringify({ url: server.url('/nowhere') }),
	});
	const named = { destination: byName('warehouse') };
	await one('destination/update', {
		...named,
		updateFields: { settings: JSON.stringify({ url: server.url('/in') }) },
	});
	expect(await one('destination/get', named)).toMatchObject({
		id: made['id'],
		settings: { url: server.url('/in') },
	});
	await operate('destination/getAll');
	expect(await one('destination/test', named)).toMatchObject({ channel: 'webhook' });

	const { id } = await client<Item>('POST', '/v1/capabilities/reports/actions/sales/invoke', {
		delivery: { mode: 'push', targets: [{ destination: 'warehouse', format: 'csv' }] },
	});
	await untilOver(id);
	let dead: Item[] = [];
	let after = 'evt_0';
	while (dead.length === 0) {
		after = await nextEvent(after);
		dead = (await client<{ items: Item[] }>('GET', '/v1/dead-letters')).items;
	}
	await operate('deadLetter/getAll');
	await operate('delivery/getAll', { filters: { state: 'dead' } });
	const deliveryId = dead[0]?.['id'];
	expect(await one('delivery/get', { deliveryId })).toMatchObject({ state: 'dead' });
	expect(await one('deadLetter/discard', { maximum: 10, dryRun: true })).toMatchObject({
		discarded: [deliveryId],
	});
	expect(await one('deadLetter/discardOne', { deliveryId })).toMatchObject({ state: 'discarded' });
	await one('deadLetter/replayOne', { deliveryId });
	await one('deadLetter/replay', { maximum: 10 });
	expect(await one('delivery/get', { deliveryId })).toMatchObject({ id: deliveryId });
	open.delete('delivery/replay'); // the same request as deadLetter/replayOne
	expect(await one('destination/delete', named)).toMatchObject({ deleted: true });
});

test('a calendar is made, read, changed and deleted', async () => {
	const named = { calendar: byName('holidays-by') };
	await one('calendar/create', {
		name: 'holidays-by',
		source: 'holidays',
		country: 'DE',
		region: 'BY',
		options: { title: 'Bavaria' },
	});
	expect(
		await one('calendar/update', { ...named, source: 'keep', options: { weekend: ['sun'] } }),
	).toMatchObject({ title: 'Bavaria', weekend: ['sun'], source: { country: 'DE', region: 'BY' } });
	await one('calendar/get', named);
	await operate('calendar/getAll');
	const days = { ...named, from: '2027-12-24', to: '2027-12-26' };
	expect(await operate('calendar/getDays', days)).toMatchObject([
		{ workingDay: true },
		{ workingDay: false },
		{ workingDay: false },
	]);
	expect(await one('calendar/delete', named)).toMatchObject({ deleted: true });
	expect(await one('schedule/delete', { schedule: byId(schedule['id']) })).toMatchObject({
		deleted: true,
	});
});

test('no operation was left out', () => {
	expect([...open]).toEqual([]);
});
