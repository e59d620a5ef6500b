import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { Channel } from '../../../engine/channels/channel.port.ts';
import type { Body } from '../../support/api.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let bed: Bed;
let hook: Receiver;
beforeAll(async () => {
	bed = await startBed();
	await mkdir(join(bed.folder, 'out'));
});
beforeEach(async () => {
	hook = await startReceiver();
});
afterEach(async () => {
	await hook.close();
});
afterAll(async () => {
	await bed.close();
});

let made = 0;
async function destination(channel: string, settings: object): Promise<string> {
	const body = { name: `d${made++}`, channel, settings };
	return demand(await bed.admin.post('/v1/destinations', body), 201).body.id as string;
}

async function test(id: string, body: object = {}): Promise<Body> {
	return demand(await bed.admin.post(`/v1/destinations/${id}/test`, body), 200).body;
}

const stepsOf = ({ steps }: Body): string[] =>
	steps.map(({ step, ok }: { step: string; ok: boolean }) => `${step}${ok ? '' : '!'}`);

describe('a test of a folder', () => {
	it('writes a marked file, reads it back, removes it, and says how long each step took', async () => {
		const id = await destination('file', { folder: 'sales' });
		const answer = await test(id);
		expect(answer).toMatchObject({ ok: true, probed: true, channel: 'file' });
		expect(stepsOf(answer)).toEqual(['settings', 'connect', 'write', 'read', 'delete']);
		expect(answer.steps.every(({ ms }: Body) => Number.isInteger(ms) && ms >= 0)).toBe(true);
		expect(await readdir(join(bed.folder, 'out', 'sales'))).toEqual([]);
	});

	it('ends at the step that fails, with its reason', async () => {
		const id = await destination('file', { folder: 'absent', mkdir: false });
		const answer = await test(id);
		expect(answer.ok).toBe(false);
		expect(stepsOf(answer)).toEqual(['settings', 'connect!']);
		expect(answer.steps[1]).toMatchObject({ code: 'TARGET_UNREACHABLE' });
	});
});

describe('a test of a webhook', () => {
	it('sends a signed message that says that it is a test', async () => {
		const id = await destination('webhook', { url: hook.url, secret: SECRET });
		const answer = await test(id);
		expect(stepsOf(answer)).toEqual(['settings', 'dns', 'connect', 'write']);
		const [got] = hook.received;
		if (!got) throw new Error('nothing came');
		expect(got.headers['x-capscheduler-test']).toBe('true');
		expect(got.body.toString()).toContain('test of a destination');
		expect(signatureHolds(got, SECRET)).toBe(true);
	});

	it('tells what the endpoint said', async () => {
		hook.answer = (_, response) => {
			response.writeHead(403).end();
		};
		const answer = await test(await destination('webhook', { url: hook.url }));
		expect(stepsOf(answer)).toEqual(['settings', 'dns', 'connect', 'write!']);
		expect(answer.steps.at(-1)).toMatchObject({ code: 'TARGET_REFUSED', detail: 'answered 403' });
	});

	it('tells that nobody listens', async () => {
		const id = await destination('webhook', { url: hook.url });
		await hook.close();
		const answer = await test(id);
		expect(stepsOf(answer)).toEqual(['settings', 'dns', 'connect!']);
		expect(answer.steps.at(-1)).toMatchObject({ code: 'TARGET_UNREACHABLE' });
		hook = await startReceiver();
	});

	it('tells that a name leads nowhere', async () => {
		const settings = { url: 'https://nowhere.invalid/' };
		const { body } = await bed.admin.post('/v1/destinations/test', {
			channel: 'webhook',
			settings,
		});
		expect(stepsOf(body)).toEqual(['settings', 'dns!']);
		expect(body.steps[1]).toMatchObject({ code: 'TARGET_UNREACHABLE' });
	});

	it('tells that what answers speaks no TLS', async () => {
		const server = createServer((socket) => socket.resume().end('SSH-2.0-x\r\n'));
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const { port } = server.address() as AddressInfo;
		const settings = { url: `https://127.0.0.1:${port}/` };
		const { body } = await bed.admin.post('/v1/destinations/test', {
			channel: 'webhook',
			settings,
		});
		await new Promise((resolve) => server.close(resolve));
		expect(stepsOf(body)).toEqual(['settings', 'dns', 'connect', 'tls!']);
		expect(body.steps.at(-1).code).toBe('TARGET_PROTOCOL');
	});

	it('goes nowhere that the engine may not call', async () => {
		const settings = { url: 'https://169.254.169.254/' };
		const { body } = await bed.admin.post('/v1/destinations/test', {
			channel: 'webhook',
			settings,
		});
		expect(stepsOf(body)).toEqual(['settings!']);
		expect(body.steps[0].code).toBe('EGRESS_BLOCKED');
	});
});

describe('settings that are not saved', () => {
	it('are tried out with the secrets that the destination has, and change nothing', async () => {
		const id = await destination('webhook', { url: hook.url, secret: SECRET });
		await test(id, { settings: { url: hook.url, headers: { 'x-team': 'bi' } } });
		const [got] = hook.received;
		if (!got) throw new Error('nothing came');
		expect(got.headers['x-team']).toBe('bi');
		expect(signatureHolds(got, SECRET)).toBe(true);
		const { body } = await bed.admin.get(`/v1/destinations/${id}`);
		expect(body).toMatchObject({ revision: 1, settings: { headers: {} } });
	});

	it('that are none of the channel are refused', async () => {
		const answer = await bed.admin.post('/v1/destinations/test', {
			channel: 'file',
			settings: { folder: '.', fodler: '.' },
		});
		expect(answer.status).toBe(400);
		expect(answer.body.errors[0].path).toBe('settings.fodler');
	});
});

it('a test belongs to who may write destinations, of the tenant', async () => {
	const id = await destination('file', { folder: '.' });
	const reader = bed.client(await bed.keyOf(['schedules:read']));
	expect((await reader.post(`/v1/destinations/${id}/test`)).status).toBe(403);
	const other = bed.client(await bed.keyOf(['destinations:write'], { tenant: 'other' }));
	expect((await other.post(`/v1/destinations/${id}/test`)).status).toBe(404);
});

describe('a channel of somebody else', () => {
	it('that has no test says so, and one that hangs is not waited for', async () => {
		const file = bed.engine.context.channels.get('file');
		if (!file) throw new Error('no channel "file"');
		const base: Omit<Channel, 'name'> = {
			title: 'X',
			abilities: { streaming: true, atomic: true, receipt: '', idempotency: '' },
			limits: {},
			settings: file.settings,
			secrets: [],
			retries: [],
			timeout: 1000,
			check: async () => undefined,
			prepare: () => ({}),
			send: async () => Promise.reject(new Error('not used')),
		};
		const hanging = Promise.withResolvers<void>();
		const begun = Promise.withResolvers<void>();
		const hang = async (): Promise<void> => {
			begun.resolve();
			await hanging.promise;
		};
		const second = await startBed(
			{},
			{
				channels: [
					{ ...base, name: 'plain' },
					{ ...base, name: 'hangs', probe: hang },
				],
			},
		);
		try {
			const ask = (channel: string) =>
				second.admin.post('/v1/destinations/test', { channel, settings: { folder: '.' } });
			expect((await ask('plain')).body).toMatchObject({ ok: true, probed: false });
			const asked = ask('hangs');
			await begun.promise;
			second.clock.advance(62_000);
			const { body } = await asked;
			expect(body.ok).toBe(false);
			expect(body.steps.at(-1)).toMatchObject({ ok: false, code: 'TIMEOUT' });
		} finally {
			hanging.resolve();
			await second.close();
		}
	});
});
