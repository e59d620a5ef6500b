import { spawnSync } from 'node:child_process';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const CSV = 'id,name\r\n1,a\r\n';

let server: CapabilityServer;
let bed: Bed;
let rows: unknown;
let hook: Receiver;
let other: Receiver;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await mkdir(join(bed.folder, 'out'));
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(rows));
	});
	await bed.register('rows', url);
});
beforeEach(async () => {
	rows = [{ id: 1, name: 'a' }];
	[hook, other] = await Promise.all([startReceiver(), startReceiver()]);
});
afterEach(async () => {
	await Promise.all([hook.close(), other.close()]);
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const status = (receiver: Receiver, code: number, headers: Record<string, string> = {}): void => {
	receiver.answer = (_request, response) => response.writeHead(code, headers).end();
};
const webhook = (receiver: Receiver, more: object = {}): object => ({
	channel: 'webhook',
	settings: { url: receiver.url, secret: SECRET },
	format: 'csv',
	...more,
});
/** Invokes, and waits until the run's deliveries are all in one of these states. */
async function push(targets: object[], more: object = {}): Promise<string> {
	return bed.invoke('rows', { delivery: { targets }, ...more });
}
async function settled(run: string, ...states: string[]): Promise<Body[]> {
	return bed.until(async () => {
		const { deliveries, state } = await bed.run(run);
		return (
			state === 'succeeded' &&
			deliveries.every((one: Body) => states.includes(one.state)) &&
			deliveries
		);
	});
}

describe('a delivery', () => {
	it('is packed as its target says, under a name that says so, and a replay sends the same bytes', async () => {
		const gzipped = webhook(hook, { package: ['gzip'], filename: 'a-{{format}}.csv' });
		const archive = {
			channel: 'file',
			settings: { folder: 'packed' },
			format: 'csv',
			filename: 'rows.{{ext}}',
			package: ['zip'],
		};
		const run = await push([gzipped, archive]);
		const [first] = await settled(run, 'delivered');
		const [received] = hook.received;
		expect(received?.headers['content-type']).toBe('application/gzip');
		expect(received?.headers['content-disposition']).toContain('a-csv.csv.gz');
		expect(gunzipSync(received!.body).toString()).toBe(CSV);
		const file = join(bed.folder, 'out', 'packed', 'rows.zip');
		const { stdout } = spawnSync('python3', ['-m', 'zipfile', '-l', file], { encoding: 'utf8' });
		expect(stdout).toMatch(/^rows\.csv +\d{4}-/m);
		demand(await bed.admin.post(`/v1/deliveries/${first.id}/replay`), 202);
		await bed.until(async () => hook.received.length === 2);
		expect(hook.received[1]!.body.equals(received!.body)).toBe(true);
	});

	it('is not packed in ways that there are not', async () => {
		const answer = await bed.admin.post('/v1/capabilities/rows/actions/go/invoke', {
			delivery: { targets: [webhook(hook, { package: ['rar'] })] },
		});
		expect(answer.status).toBe(400);
	});

	it('puts a file into a folder and posts a signed webhook, with receipts', async () => {
		const file = {
			channel: 'file',
			settings: { folder: 'reports' },
			format: 'csv',
			filename: 'rows.{{ext}}',
		};
		const run = await push([file, webhook(hook)]);
		const [first, second] = await settled(run, 'delivered');
		expect(first.receipt).toMatchObject({ channel: 'file', size: CSV.length });
		expect(await readdir(join(bed.folder, 'out', 'reports'))).toEqual(['rows.csv']);
		expect(await readFile(join(bed.folder, 'out', 'reports', 'rows.csv'), 'utf8')).toBe(CSV);
		const [received] = hook.received;
		expect(received?.sha256).toBe(second.receipt.sha256);
		expect(received?.headers['x-capscheduler-run']).toBe(run);
		expect(received?.headers['content-type']).toContain('text/csv');
		expect(received && signatureHolds(received, SECRET)).toBe(true);
	});

	it('is tried again with the same bytes and id, and delivered', async () => {
		status(hook, 503);
		const run = await push([webhook(hook)]);
		const [failed] = await settled(run, 'failed');
		const wait = Date.parse(failed.dueAt) - bed.clock.now();
		expect(wait).toBeGreaterThanOrEqual(5_000);
		expect(wait).toBeLessThanOrEqual(5_500);
		status(hook, 204);
		bed.clock.advance(wait);
		await settled(run, 'delivered');
		const [one, two] = hook.received;
		expect(two?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
		expect(two?.sha256).toBe(one?.sha256);
		const { body } = demand(await bed.admin.get(`/v1/deliveries/${failed.id}`), 200);
		expect(body.attempts.map(({ outcome }: Body) => outcome)).toEqual(['failed', 'delivered']);
	});

	it('waits as long as Retry-After asks', async () => {
		status(hook, 429, { 'retry-after': '900' });
		const run = await push([webhook(hook)]);
		const [failed] = await settled(run, 'failed');
		expect(Date.parse(failed.dueAt) - bed.clock.now()).toBe(900_000);
		expect(failed.error.code).toBe('TARGET_BUSY');
	});

	it('goes the way of its fallback when it is dead, in the same format', async () => {
		status(hook, 302, { location: 'http://169.254.169.254/' });
		const run = await push([
			webhook(hook, { fallback: [{ channel: 'webhook', settings: { url: other.url } }] }),
		]);
		const [primary, fallback] = await bed.until(async () => {
			const { deliveries } = await bed.run(run);
			return deliveries.length === 2 && deliveries[1].state === 'delivered' && deliveries;
		});
		expect(primary).toMatchObject({
			target: '0',
			state: 'dead',
			error: { code: 'TARGET_REDIRECT' },
		});
		expect(fallback).toMatchObject({ target: '0.1', format: 'csv' });
		expect(other.received[0]?.body.toString()).toBe(CSV);
		expect(await bed.events('delivery.fallback')).toHaveLength(1);
	});

	it('dies when nothing helps, is a dead letter, and is replayed with identical bytes', async () => {
		status(hook, 302);
		const run = await push([webhook(hook)]);
		const [dead] = await settled(run, 'dead');
		const letters = (await bed.admin.get('/v1/dead-letters')).body.items;
		expect(letters.map(({ id }: Body) => id)).toContain(dead.id);
		// What the capability would answer now plays no part.
		rows = [{ id: 2, name: 'other' }];
		status(hook, 200);
		const { body } = demand(await bed.admin.post('/v1/dead-letters/replay'), 202);
		expect(body.replayed).toContain(dead.id);
		const delivered = await bed.deliveryIn(dead.id, 'delivered');
		const [one, two] = hook.received;
		expect(two?.sha256).toBe(one?.sha256);
		expect(two?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
		expect(delivered.receipt.sha256).toBe(one?.sha256);
		demand(await bed.admin.post(`/v1/deliveries/${dead.id}/replay`), 202);
		await bed.until(() => hook.received.length === 3);
		expect(hook.received[2]?.sha256).toBe(one?.sha256);
		expect(server.received.filter(({ url }) => url === '/rows').length).toBeGreaterThan(0);
		await bed.deliveryIn(dead.id, 'delivered');
	});

	it('runs through all retries before it is dead', async () => {
		status(hook, 500);
		const run = await push([webhook(hook)]);
		for (let attempt = 1; attempt <= 9; attempt++) {
			const [failed] = await bed.until(async () => {
				const { deliveries } = await bed.run(run);
				return deliveries[0]?.attempt === attempt && deliveries[0].state === 'failed' && deliveries;
			});
			bed.clock.advanceTo(Date.parse(failed.dueAt));
		}
		const [dead] = await settled(run, 'dead');
		expect(dead.attempt).toBe(10);
		expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
	});
});

describe('a condition', () => {
	it.each([
		['has_rows', [{ id: 1 }], 'delivered'],
		['has_rows', [], 'skipped'],
		['no_rows', [], 'delivered'],
		['no_rows', [{ id: 1 }], 'skipped'],
	])('%s with the rows %j: %s', async (when, result, state) => {
		rows = result;
		const run = await push([webhook(hook, { when })]);
		await settled(run, state);
		expect(hook.received).toHaveLength(state === 'delivered' ? 1 : 0);
	});

	it('changed: sends only what differs from the last that this target got', async () => {
		const { scheduleId } = await bed.schedule('rows', {
			timing: { every: '1h' },
			delivery: { targets: [webhook(hook, { when: 'changed' })] },
		});
		const states: string[] = [];
		for (const value of [1, 1, 2, 1]) {
			rows = [{ value }];
			const { body } = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
			const [delivery] = await settled(body.id, 'delivered', 'skipped');
			states.push(delivery.state);
		}
		expect(states).toEqual(['delivered', 'skipped', 'delivered', 'delivered']);
		expect(hook.received).toHaveLength(3);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	});
});

describe('an endpoint that answers 410', () => {
	it('is not called again by its schedule', async () => {
		status(hook, 410);
		const { scheduleId } = await bed.schedule('rows', {
			timing: { every: '1h' },
			delivery: { targets: [webhook(hook)] },
		});
		const codes: string[] = [];
		for (let n = 0; n < 2; n++) {
			const { body } = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
			const [dead] = await settled(body.id, 'dead');
			codes.push(dead.error.code);
		}
		expect(codes).toEqual(['TARGET_GONE', 'TARGET_DISABLED']);
		expect(hook.received).toHaveLength(1);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
	});
});

describe('a destination', () => {
	const create = async (name: string, settings: object): Promise<Body> =>
		demand(await bed.admin.post('/v1/destinations', { name, channel: 'webhook', settings }), 201)
			.body;

	it('is used by name, rotated in place, disabled, and refused to be deleted while in use', async () => {
		const made = await create('warehouse', { url: hook.url, secret: SECRET });
		const { scheduleId } = await bed.schedule('rows', {
			timing: { every: '1h' },
			delivery: { targets: [{ destination: 'warehouse', format: 'csv' }] },
		});
		const go = async (state: string): Promise<Body> => {
			const { body } = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
			return (await settled(body.id, state))[0];
		};
		await go('delivered');
		expect(hook.received[0] && signatureHolds(hook.received[0], SECRET)).toBe(true);

		const place = `/v1/destinations/${made.id}`;
		const moved = { name: 'warehouse', channel: 'webhook', settings: { url: other.url } };
		demand(await bed.admin.put(place, moved), 200);
		await go('delivered');
		// The secret was left out, so it is the old one.
		expect(other.received[0] && signatureHolds(other.received[0], SECRET)).toBe(true);

		demand(await bed.admin.put(place, { ...moved, enabled: false }), 200);
		expect((await go('dead')).error.code).toBe('TARGET_DISABLED');
		const refused = await bed.admin.delete(place);
		expect([refused.status, refused.body.code]).toEqual([409, 'IN_USE']);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
		demand(await bed.admin.delete(place), 204);
	});

	it('is switched off by a 410, and on again by its owner', async () => {
		const made = await create('gone', { url: hook.url });
		status(hook, 410);
		await settled(await push([{ destination: made.id, format: 'csv' }]), 'dead');
		const place = `/v1/destinations/${made.id}`;
		expect((await bed.admin.get(place)).body).toMatchObject({ enabled: false });
		const [dead] = await settled(await push([{ destination: 'gone', format: 'csv' }]), 'dead');
		expect(dead.error.code).toBe('TARGET_DISABLED');
		expect(hook.received).toHaveLength(1);
		status(hook, 200);
		demand(
			await bed.admin.put(place, { name: 'gone', channel: 'webhook', settings: { url: hook.url } }),
			200,
		);
		await settled(await push([{ destination: 'gone', format: 'csv' }]), 'delivered');
	});

	it('is refused where there is none of that name, or the name is taken', async () => {
		const unknown = await bed.admin.post('/rows/schedule', {
			action: 'go',
			timing: { every: '1h' },
			delivery: { targets: [{ destination: 'nowhere' }] },
		});
		expect([unknown.status, unknown.body.code]).toEqual([422, 'DESTINATION_UNKNOWN']);
		expect(unknown.body.errors[0].path).toBe('delivery.targets[0].destination');
		await create('twice', { url: hook.url });
		const taken = await bed.admin.post('/v1/destinations', {
			name: 'twice',
			channel: 'webhook',
			settings: { url: hook.url },
		});
		expect([taken.status, taken.body.code]).toEqual([409, 'NAME_TAKEN']);
	});
});
