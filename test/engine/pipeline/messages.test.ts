import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Channel, Parcel } from '../../../engine/channels/channel.port.ts';
import type { Row } from '../../../engine/contract/envelope.ts';
import { messageOf } from '../../../engine/core/delivery/message.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { z } from 'zod';

/** What a channel that writes messages of its own is given. */
const taken: { parcel: Parcel; bytes: string; rows: Row[] }[] = [];
const collecting: Channel = {
	name: 'collecting',
	title: 'Collecting',
	abilities: { streaming: true, atomic: true, receipt: 'none', idempotency: 'none' },
	limits: {},
	settings: z.strictObject({ only: z.string().optional() }),
	secrets: [],
	retries: [],
	timeout: 1000,
	format: (settings) => (settings as { only?: string }).only,
	check: async () => undefined,
	prepare: () => ({}),
	async send(_prepared, _settings, parcel) {
		const rows: Row[] = [];
		for await (const batch of parcel.readRows?.(parcel.open()) ?? []) rows.push(...batch);
		let bytes = '';
		for await (const chunk of parcel.open()) bytes += Buffer.from(chunk).toString();
		taken.push({ parcel, bytes, rows });
		const { size, sha256 } = parcel;
		const at = '2027-01-01T00:00:00.000Z';
		const location = 'memory';
		return {
			kind: 'delivered',
			receipt: { channel: 'collecting', location, size, sha256, remote: {}, at },
		};
	},
};

let server: CapabilityServer;
let bed: Bed;
let files: string;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	files = await mkdtemp(join(tmpdir(), 'cap-messages-'));
	bed = await startBed({ CAPSCHEDULER_FILE_ROOTS: files }, { channels: [collecting] });
	const url = server.on('/rows', (response) => {
		const body = '[{"id":1,"n":9007199254740993},{"id":2,"n":1},{"id":3,"n":2}]';
		response.writeHead(200, { 'content-type': 'application/json' }).end(body);
	});
	const failing = server.on('/fails', (response) => response.writeHead(404).end());
	await bed.register('rows', url);
	await bed.register('fails', failing);
	for (const [name, channel, settings] of [
		['collect', 'collecting', {}],
		['lines', 'collecting', { only: 'ndjson' }],
		['folder', 'file', { folder: '.' }],
	] as const) {
		demand(await bed.admin.post('/v1/destinations', { name, channel, settings }), 201);
	}
});
afterAll(async () => {
	await bed.close();
	await server.close();
	await rm(files, { recursive: true, force: true });
});

const lastTaken = async () => bed.until(() => taken.shift());

describe('a notification to a destination', () => {
	it('of a channel of messages is told in words, with a link that gives the result', async () => {
		await bed.invoke('rows', { notify: [{ destination: 'collect' }] });
		const { parcel, bytes, rows } = await lastTaken();
		expect(parcel.message).toMatchObject({ title: 'rows go succeeded', tone: 'good' });
		expect(parcel.message?.facts).toContainEqual(['Rows', '3']);
		const file = await fetch(parcel.message?.link?.url ?? '');
		expect(file.status).toBe(200);
		expect(JSON.parse(bytes)).toMatchObject({ type: 'run.succeeded' });
		expect(rows).toMatchObject([
			{ id: parcel.deliveryId, type: 'run.succeeded', state: 'succeeded' },
		]);
	});

	it('of any other channel is a JSON file', async () => {
		await bed.invoke('fails', { notify: [{ destination: 'folder' }] });
		const name = await bed.until(async () =>
			(await readdir(files)).find((one) => /^ntf_\w+\.json$/.test(one)),
		);
		const told = JSON.parse(await readFile(join(files, name), 'utf8'));
		expect(told).toMatchObject({ type: 'run.failed', data: { error: { code: 'TARGET_REFUSED' } } });
	});
});

describe('a delivery by a channel', () => {
	it('that sends one format only gets that one, and is refused with another', async () => {
		const run = await bed.invoke('rows', {
			delivery: { mode: 'push', targets: [{ destination: 'lines' }] },
		});
		const { parcel, bytes, rows } = await lastTaken();
		expect(parcel.runId).toBe(run);
		expect(bytes).toBe('{"id":1,"n":9007199254740993}\n{"id":2,"n":1}\n{"id":3,"n":2}\n');
		expect(JSON.stringify(rows)).toBe(
			'[{"id":1,"n":9007199254740993},{"id":2,"n":1},{"id":3,"n":2}]',
		);
		const refused = await bed.admin.post('/v1/capabilities/rows/actions/go/invoke', {
			delivery: { mode: 'push', targets: [{ destination: 'lines', format: 'csv' }] },
		});
		expect(refused).toMatchObject({
			status: 422,
			body: { code: 'FORMAT_UNSUITABLE', errors: [{ path: 'delivery.targets[0].format' }] },
		});
	});

	it('can show the first rows, and make a link that gives the same file', async () => {
		await bed.invoke('rows', {
			delivery: { mode: 'push', targets: [{ destination: 'collect', format: 'csv' }] },
		});
		const { parcel, bytes } = await lastTaken();
		expect(parcel.report?.title).toBe('rows go');
		expect(await parcel.report?.preview(2)).toMatchObject({
			columns: [{ name: 'id' }, { name: 'n' }],
			rows: [{ id: 1 }, { id: 2 }],
			total: 3,
			more: true,
		});
		const link = await parcel.report?.link();
		expect(await (await fetch(link?.url ?? '')).text()).toBe(bytes);
		expect(parcel.readRows).toBeUndefined();
	});
});

describe('the message of a notification', () => {
	it('is made of single lines, whatever names and errors hold', () => {
		const message = messageOf({
			type: 'run.failed',
			data: {
				runId: 'run_1',
				state: 'failed',
				schedule: { id: 'sch_1', name: 'Sales\r\nBcc: eve@evil.example' },
				error: { code: 'X', message: `one\ntwo\u202e${'x'.repeat(1000)}` },
				deliveries: [{ target: '0', state: 'dead', error: { code: 'TIMEOUT', message: 'late' } }],
			},
		});
		const lines = [message.title, ...message.facts.flat()];
		expect(lines.filter((line) => /[\r\n\u202e]/.test(line) || line.length > 310)).toEqual([]);
		expect(message).toMatchObject({
			title: 'Sales Bcc: eve@evil.example failed',
			tone: 'bad',
			link: null,
		});
		expect(message.facts).toContainEqual(['Target 0 not reached', 'TIMEOUT: late']);
	});

	it('of a run that succeeded but whose file nobody got is no good news', () => {
		const deliveries = [{ target: '0', state: 'dead', error: null }];
		const data = { runId: 'r', state: 'succeeded', capability: 'a', action: 'b', deliveries };
		expect(messageOf({ type: 'run.succeeded', data })).toMatchObject({ tone: 'bad' });
		expect(messageOf({ type: 'sla.missed', data: { ...data, deliveries: [] } })).toMatchObject({
			title: 'a b is late',
			tone: 'bad',
		});
	});
});
