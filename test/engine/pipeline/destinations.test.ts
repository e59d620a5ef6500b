import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const DAY = 86_400_000;

let server: CapabilityServer;
let bed: Bed;
let hook: Receiver;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await mkdir(join(bed.folder, 'out'));
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
	});
	await bed.register('rows', url);
	await bed.register('others', url);
});
beforeEach(async () => {
	hook = await startReceiver();
});
afterEach(async () => {
	await hook.close();
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

let made = 0;
async function make(body: Record<string, unknown> = {}): Promise<Body> {
	const settings = { url: hook.url, secret: SECRET };
	const whole = { name: `d${made++}`, channel: 'webhook', settings, ...body };
	return demand(await bed.admin.post('/v1/destinations', whole), 201).body;
}

const at = ({ id }: Body): string => `/v1/destinations/${id}`;
const read = async (destination: Body): Promise<Body> =>
	(await bed.admin.get(at(destination))).body;
const patch = async (destination: Body, body: object): Promise<Body> =>
	demand(await bed.admin.patch(at(destination), body), 200).body;

async function deliver(target: object, state = 'delivered'): Promise<Body> {
	const id = await bed.invoke('rows', { delivery: { mode: 'push', targets: [target] } });
	await bed.runIn(id);
	const [delivery] = (await bed.run(id)).deliveries as Body[];
	return bed.deliveryIn(delivery.id, state);
}

describe('a change of a destination', () => {
	it('touches what was sent and nothing else', async () => {
		const before = await make({ limits: { parallel: 3 } });
		const after = await patch(before, {
			settings: { method: 'PUT', headers: { 'x-team': 'bi' } },
			allow: { formats: ['csv'] },
		});
		expect(after).toMatchObject({
			name: before.name,
			revision: 2,
			settings: { url: hook.url, method: 'PUT', headers: { 'x-team': 'bi' }, secret: '(secret)' },
			limits: { parallel: 3 },
			allow: { formats: ['csv'] },
		});
		const back = await patch(before, { settings: { method: null }, allow: null, limits: {} });
		expect(back).toMatchObject({ settings: { method: 'POST' }, allow: null, limits: null });
		expect(await read(before)).toMatchObject({ revision: 3 });
		await deliver({ destination: before.id });
		expect(signatureHolds(hook.received[0]!, SECRET)).toBe(true);
	});

	it('happens only to the revision that was read, where that is asked for', async () => {
		const destination = await make();
		const stale = { headers: { 'if-match': '"1"' } };
		await patch(destination, { enabled: false });
		const refused = await bed.admin.patch(at(destination), { enabled: true }, stale);
		expect([refused.status, refused.body.code]).toEqual([412, 'PRECONDITION_FAILED']);
		expect(await read(destination)).toMatchObject({ enabled: false, revision: 2 });
	});

	it('by many at once loses none', async () => {
		const destination = await make({ channel: 'file', settings: { folder: '.' } });
		const changes: object[] = [
			{ settings: { mkdir: false } },
			{ settings: { overwrite: 'refuse' } },
			{ allow: { formats: ['json'] } },
			{ limits: { perMinute: 7 } },
		];
		await Promise.all(changes.map((change) => patch(destination, change)));
		expect(await read(destination)).toMatchObject({
			settings: { folder: '.', mkdir: false, overwrite: 'refuse' },
			allow: { formats: ['json'] },
			limits: { perMinute: 7 },
			revision: 5,
		});
	});

	it('refuses a name that is taken', async () => {
		const [one, two] = [await make(), await make()];
		const refused = await bed.admin.patch(at(two), { name: one.name });
		expect([refused.status, refused.body.code]).toEqual([409, 'NAME_TAKEN']);
	});
});

describe('a secret', () => {
	it('never goes to another address than the one that it was given for', async () => {
		const settings = { url: hook.url, secretHeader: 'Authorization: Bearer s3cret' };
		const destination = await make({ settings });
		const thief = await startReceiver();
		try {
			const moved = { settings: { url: thief.url } };
			for (const refused of [
				await bed.admin.patch(at(destination), moved),
				await bed.admin.put(at(destination), { name: 'x', channel: 'webhook', ...moved }),
				await bed.admin.post(`${at(destination)}/test`, moved),
			]) {
				expect(refused.status).toBe(400);
				expect(refused.body.errors[0].path).toBe('settings.secretHeader');
			}
			expect(thief.received).toEqual([]);
			await patch(destination, { settings: { url: `${hook.url}/deeper` } });
			await patch(destination, { settings: { url: thief.url, secretHeader: null } });
			await deliver({ destination: destination.id });
			expect(thief.received[0]?.headers).not.toHaveProperty('authorization');
			expect(thief.received[0]?.headers).toHaveProperty('webhook-signature');
		} finally {
			await thief.close();
		}
	});

	it('that is sent back as it is shown stays what it was', async () => {
		const destination = await make();
		const { name, channel, settings } = await read(destination);
		demand(await bed.admin.put(at(destination), { name, channel, settings }), 200);
		await deliver({ destination: destination.id });
		expect(signatureHolds(hook.received[0]!, SECRET)).toBe(true);
	});

	it('is rotated once by a call that is repeated, where the revision is named', async () => {
		const destination = await make();
		const rotate = async () =>
			bed.admin.post(`${at(destination)}/rotate-secret`, undefined, {
				headers: { 'if-match': `"${destination.revision}"` },
			});
		const { secrets } = demand(await rotate(), 200).body;
		expect((await rotate()).status).toBe(412);
		await deliver({ destination: destination.id });
		const [got] = hook.received;
		expect(signatureHolds(got!, SECRET) && signatureHolds(got!, secrets.secret)).toBe(true);
	});

	it('is rotated and tried out once under one Idempotency-Key, with the same answer', async () => {
		const destination = await make();
		const once = (key: string) => ({ headers: { 'idempotency-key': key } });
		const rotate = async (key: string) =>
			bed.admin.post(`${at(destination)}/rotate-secret`, undefined, once(key));
		const first = demand(await rotate('a'), 200);
		const again = demand(await rotate('a'), 200);
		expect(again.text).toBe(first.text);
		expect(again.headers.get('idempotent-replayed')).toBe('true');
		const { body } = await bed.admin.get(at(destination));
		expect(body.revision).toBe(first.body.revision);
		const told = await bed.events('destination.secret_rotated');
		const own = told.filter(({ subject }) => subject['destinationId'] === destination.id);
		expect(own).toHaveLength(1);
		expect(demand(await rotate('b'), 200).body.secrets).not.toEqual(first.body.secrets);

		const test = async (sent: object) => bed.admin.post(`${at(destination)}/test`, sent, once('t'));
		const tried = demand(await test({}), 200);
		expect(demand(await test({}), 200).text).toBe(tried.text);
		const other = await test({ settings: { url: 'http://127.0.0.1:9/' } });
		expect(other.body.code).toBe('IDEMPOTENCY_MISMATCH');
	});

	it('is rotated without a gap: for a day both sign', async () => {
		const destination = await make();
		const { secrets } = demand(await bed.admin.post(`${at(destination)}/rotate-secret`), 200).body;
		expect(secrets.secret).toMatch(/^whsec_/);
		await deliver({ destination: destination.id });
		const [both] = hook.received;
		expect([signatureHolds(both!, SECRET), signatureHolds(both!, secrets.secret)]).toEqual([
			true,
			true,
		]);
		bed.clock.advance(DAY + 1);
		await deliver({ destination: destination.id });
		const [, later] = hook.received;
		expect([signatureHolds(later!, SECRET), signatureHolds(later!, secrets.secret)]).toEqual([
			false,
			true,
		]);
		demand(await bed.admin.post(`${at(destination)}/test`, {}), 200);
		const tried = hook.received.at(-1)!;
		expect(tried.headers['x-capscheduler-test']).toBe('true');
		expect([signatureHolds(tried, SECRET), signatureHolds(tried, secrets.secret)]).toEqual([
			false,
			true,
		]);
		const told = await bed.events('destination.secret_rotated');
		expect(JSON.stringify(told)).not.toContain('whsec_');
		const folder = await make({ channel: 'file', settings: { folder: '.' } });
		expect((await bed.admin.post(`${at(folder)}/rotate-secret`)).body.code).toBe('CONFLICT');
	});
});

describe('what a destination allows', () => {
	it('is asked when a schedule is made', async () => {
		const { id } = await make({ allow: { capabilities: ['others'], formats: ['csv'] } });
		const create = (name: string, target: object) =>
			bed.admin.post(`/${name}/schedule`, {
				action: 'go',
				time: 'in 1h',
				delivery: { targets: [{ destination: id, ...target }] },
			});
		const wrong = await create('rows', { format: 'csv' });
		expect([wrong.status, wrong.body.errors[0].path]).toEqual([
			403,
			'delivery.targets[0].destination',
		]);
		const format = await create('others', { format: 'json' });
		expect([format.status, format.body.errors[0].path]).toEqual([
			403,
			'delivery.targets[0].format',
		]);
		expect((await create('others', { format: 'csv' })).status).toBe(201);
	});

	it('is asked for each format of an archive, when a schedule is made and when it is sent', async () => {
		const destination = await make({ allow: { formats: ['csv'] } });
		const files = [{ format: 'csv' }, { format: 'json' }];
		const target = {
			destination: destination.id,
			format: 'csv',
			package: [{ type: 'zip', files }],
		};
		const delivery = { mode: 'push', targets: [target] };
		const narrowed = server.on('/narrowed', (response) => {
			void patch(destination, { allow: { formats: ['csv'] } }).then(() => {
				response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
			});
		});
		await bed.register('narrowed', narrowed);
		const path = '/v1/capabilities/narrowed/actions/go/invoke';
		const refused = await bed.admin.post(path, { delivery });
		expect([refused.status, refused.body.errors[0].path]).toEqual([
			403,
			'delivery.targets[0].package[0].files[1].format',
		]);
		await patch(destination, { allow: { formats: ['csv', 'json'] } });
		const run = await bed.invoke('narrowed', { delivery });
		await bed.runIn(run);
		const dead = await bed.deliveryIn((await bed.run(run)).deliveries[0].id, 'dead');
		expect(dead.error).toMatchObject({ code: 'FORBIDDEN' });
		expect(dead.error.message).toContain('got "json"');
		expect(hook.received).toEqual([]);
	});

	it('is asked again when something is sent: rules that came later hold too', async () => {
		const destination = await make();
		const run = await bed.invoke('rows', {
			delivery: { mode: 'push', targets: [{ destination: destination.id, format: 'json' }] },
		});
		await bed.runIn(run);
		const [{ id }] = (await bed.run(run)).deliveries;
		await bed.deliveryIn(id, 'delivered');
		await patch(destination, { allow: { filenames: ['sales-'] } });
		demand(await bed.admin.post(`/v1/deliveries/${id}/replay`), 202);
		const dead = await bed.deliveryIn(id, 'dead');
		expect(dead.error).toMatchObject({ code: 'FORBIDDEN' });
		expect(dead.error.message).toContain('"sales-"');
		expect(hook.received).toHaveLength(1);
		const target = { destination: destination.id, format: 'csv', filename: 'sales-{{runId}}.csv' };
		await deliver(target);
	});

	it('holds for its own folder and recipients, whatever its settings become', async () => {
		const create = (body: object) =>
			bed.admin.post('/v1/destinations', { name: `allow-${made++}`, ...body });
		const allow = { folders: ['in/sales'] };
		for (const folder of ['in', 'in/sales2', 'other', 'in/sales/../hr', '/in/sales']) {
			const { status, body } = await create({ channel: 'file', settings: { folder }, allow });
			expect([403, 422]).toContain(status);
			if (status === 403) {
				expect(body.errors[0]).toMatchObject({
					path: 'settings.folder',
					expected: 'what the destination\'s allow.folders names: "in/sales"',
				});
			}
		}
		const { body: kept } = await create({
			channel: 'file',
			settings: { folder: './in//sales/eu/' },
			allow,
		});
		const moved = await bed.admin.patch(at(kept), { settings: { folder: 'in' } });
		expect(moved.status).toBe(403);
		expect((await bed.admin.patch(at(kept), { allow: { folders: ['out'] } })).status).toBe(403);
		const mail = (to: string[]) =>
			create({
				channel: 'email',
				settings: { host: '127.0.0.1', from: 'us@a.example', to, tls: 'none' },
				allow: { recipients: ['@b.example', 'one@c.example'] },
			});
		expect((await mail(['Any <any@B.example>', 'ONE@c.example'])).status).toBe(201);
		const stray = await mail(['any@b.example', 'two@c.example']);
		expect([stray.status, stray.body.detail]).toEqual([
			403,
			expect.stringMatching(/allow\.recipients names: .*got "two@c\.example"/),
		]);
		expect((await mail(['any@sub.b.example'])).status).toBe(403);
		const useless = await create({
			channel: 'webhook',
			settings: { url: hook.url },
			allow: { folders: ['in'] },
		});
		expect([useless.status, useless.body.errors[0].path]).toEqual([400, 'allow.folders']);
	});
});

describe('a destination in use', () => {
	it('tells by what, and is not deleted', async () => {
		const destination = await make();
		const { scheduleId } = await bed.schedule('rows', {
			time: 'in 1h',
			delivery: { targets: [{ destination: destination.name }] },
		});
		expect(await read(destination)).toMatchObject({ usedBy: [scheduleId] });
		const refused = await bed.admin.delete(at(destination));
		expect([refused.status, refused.body.code]).toEqual([409, 'IN_USE']);
		expect(refused.body.detail).toContain(scheduleId);
		demand(await bed.admin.delete(`/v1/schedules/${scheduleId}`), 204);
		expect((await bed.admin.delete(at(destination))).status).toBe(204);
	});

	it('that answered 410 is switched off, says why, and has a way back', async () => {
		const destination = await make();
		hook.answer = (_, response) => {
			response.writeHead(410).end();
		};
		await deliver({ destination: destination.id }, 'dead');
		expect(await read(destination)).toMatchObject({ enabled: false });
		expect((await read(destination)).disabledReason).toContain('410');
		await deliver({ destination: destination.id }, 'dead');
		expect(hook.received).toHaveLength(1);
		hook.answer = (_, response) => {
			response.end('{}');
		};
		expect(await patch(destination, { enabled: true })).toMatchObject({ disabledReason: null });
		await deliver({ destination: destination.id });
		expect(await readdir(join(bed.folder, 'out'))).toEqual([]);
	});
});
