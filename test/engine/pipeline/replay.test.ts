import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

let server: CapabilityServer;
let bed: Bed;
let hook: Receiver;
let calls = 0;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await mkdir(join(bed.folder, 'out'));
	const url = server.on('/rows', (response) => {
		response
			.writeHead(200, { 'content-type': 'application/json' })
			.end(JSON.stringify([{ call: ++calls }]));
	});
	await bed.register('rows', url);
	await bed.register('others', url);
});
beforeEach(async () => {
	hook = await startReceiver();
	hook.answer = (_, response) => {
		response.writeHead(410).end();
	};
});
afterEach(async () => {
	await hook.close();
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

async function die(name = 'rows', target: object = {}): Promise<Body> {
	const way = { channel: 'webhook', settings: { url: hook.url }, format: 'csv' };
	const targets = [{ ...way, ...target }];
	const id = await bed.invoke(name, { delivery: { mode: 'push', targets } });
	await bed.runIn(id);
	return bed.deliveryIn((await bed.run(id)).deliveries[0].id, 'dead');
}

let made = 0;
async function folder(more: object = {}): Promise<{ id: string; path: string }> {
	const name = `f${made++}`;
	const body = { name, channel: 'file', settings: { folder: name }, ...more };
	const { id } = demand(await bed.admin.post('/v1/destinations', body), 201).body;
	return { id, path: join(bed.folder, 'out', name) };
}

const replay = (id: string, body: object, headers = {}) =>
	bed.admin.post(`/v1/deliveries/${id}/replay`, body, { headers });
const replayMany = async (body: object): Promise<Body> =>
	demand(await bed.admin.post('/v1/dead-letters/replay', body), 202).body;

describe('a replay with a new target', () => {
	it('sends the very bytes to a destination, without a new run, and leaves what was as it was', async () => {
		const dead = await die();
		const { id, path } = await folder();
		const before = calls;
		const next = demand(await replay(dead.id, { target: { destination: id } }), 202).body;
		expect(next).toMatchObject({ runId: dead.runId, state: 'pending', destination: id });
		const done = await bed.deliveryIn(next.id, 'delivered');
		const [name = ''] = await readdir(path);
		const bytes = await readFile(join(path, name));
		expect(createHash('sha256').update(bytes).digest('hex')).toBe(dead.artifact.sha256);
		expect(done.artifact).toEqual(dead.artifact);
		expect(calls).toBe(before);
		expect(await bed.deliveryIn(dead.id, 'dead')).toMatchObject({ error: dead.error });
		// the run's target has got it after all
		expect(await bed.run(dead.runId)).toMatchObject({ deliveryState: 'delivered' });
	});

	it('to settings of its own keeps their secrets, and tells those that it made once', async () => {
		const dead = await die();
		const stand = await startReceiver();
		try {
			const target = {
				channel: 'webhook',
				settings: { url: stand.url, secretHeader: 'Authorization: Bearer canary-77' },
			};
			const arrived = stand.next();
			const answer = demand(await replay(dead.id, { target }), 202).body;
			const got = await arrived;
			expect(signatureHolds(got, answer.secrets.secret)).toBe(true);
			expect(got.headers.authorization).toBe('Bearer canary-77');
			const shown = await bed.deliveryIn(answer.id, 'delivered');
			expect(JSON.stringify([shown, await bed.events()])).not.toMatch(/canary-77|whsec_/);
		} finally {
			await stand.close();
		}
	});

	it('happens once for one key', async () => {
		const dead = await die();
		const { id, path } = await folder();
		const ask = () =>
			replay(dead.id, { target: { destination: id } }, { 'idempotency-key': `k-${dead.id}` });
		const [one, two] = await Promise.all([ask(), ask()]);
		const answers = [one, two].filter(({ status }) => status === 202);
		await bed.deliveryIn(answers[0]!.body.id, 'delivered');
		expect((await ask()).body.id).toBe(answers[0]!.body.id);
		expect(await readdir(path)).toHaveLength(1);
	});

	it('goes only where the destination allows it, and names what is wrong', async () => {
		const dead = await die();
		const { id } = await folder({ allow: { capabilities: ['others'] } });
		const forbidden = await replay(dead.id, { target: { destination: id } });
		expect([forbidden.status, forbidden.body.errors[0].path]).toEqual([403, 'target.destination']);
		expect(forbidden.body.errors[0].expected).toContain('allow.capabilities');
		const unknown = await replay(dead.id, { target: { destination: 'nobody' } });
		expect([unknown.status, unknown.body.code]).toEqual([422, 'DESTINATION_UNKNOWN']);
		const both = await replay(dead.id, { target: { destination: id, channel: 'file' } });
		expect(both.status).toBe(400);
	});
});

describe('a replay of kept bytes', () => {
	const zip = { package: [{ type: 'zip', files: [{ format: 'html' }] }] };
	it.each([
		['a format', { formats: ['json'] }, {}, 'allow.formats names: "json", got "csv"'],
		[
			'a format that nobody named',
			{ formats: ['csv'] },
			{ format: undefined },
			'allow.formats names: "csv", got "json"',
		],
		['a format in an archive', { formats: ['csv'] }, zip, 'allow.formats names: "csv", got "html"'],
		['a name', { filenames: ['sales-'] }, { filename: 'hr.csv' }, 'got "hr.csv"'],
	])('is refused where the destination does not allow %s', async (_, allow, target, words) => {
		const dead = await die('rows', target);
		const place = await folder({ allow });
		const refused = await replay(dead.id, { target: { destination: place.id } });
		expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
		expect(refused.body.detail).toContain(words);
		const wish = { limit: 500, dryRun: true, target: { destination: place.id } };
		const { failed } = await replayMany(wish);
		expect(failed).toContainEqual(expect.objectContaining({ id: dead.id, code: 'FORBIDDEN' }));
		expect(await readdir(place.path).catch(() => [])).toEqual([]);
	});

	it('is asked again when it is sent: rules that came between hold too', async () => {
		const dead = await die();
		const place = await folder();
		const sent = demand(await replay(dead.id, { target: { destination: place.id } }), 202).body;
		await bed.deliveryIn(sent.id, 'delivered');
		const allow = { formats: ['json'] };
		demand(await bed.admin.patch(`/v1/destinations/${place.id}`, { allow }), 200);
		demand(await replay(sent.id, {}), 202);
		const { error } = await bed.deliveryIn(sent.id, 'dead');
		expect(error).toMatchObject({ code: 'FORBIDDEN' });
		expect(error.message).toContain('allow.formats');
		expect(await readdir(place.path)).toHaveLength(1);
	});
});

describe('dead letters', () => {
	it('are found by destination, channel, code and time of death', async () => {
		bed.clock.advance(60_000);
		const start = bed.clock.now();
		const place = { name: `w${made++}`, channel: 'webhook', settings: { url: hook.url } };
		const destination = demand(await bed.admin.post('/v1/destinations', place), 201).body;
		const inline = await die();
		bed.clock.advance(60_000);
		const named = await die('rows', {
			destination: place.name,
			channel: undefined,
			settings: undefined,
		});
		const find = async (query: string): Promise<string[]> => {
			const { body } = await bed.admin.get(`/v1/dead-letters?limit=50&${query}`);
			return body.items.map(({ id }: Body) => id);
		};
		const iso = (at: number): string => encodeURIComponent(new Date(at).toISOString());
		expect(await find(`destination=${destination.name}`)).toEqual([named.id]);
		expect(await find(`channel=webhook&from=${iso(start)}`)).toEqual([inline.id]);
		expect(await find(`code=TARGET_GONE&from=${iso(start)}`)).toEqual([named.id, inline.id]);
		expect(await find(`from=${iso(start)}&to=${iso(start + 60_000)}`)).toEqual([inline.id]);
		expect(await find('code=TIMEOUT')).toEqual([]);
	});

	it('are replayed by a filter, some at a time, and how far it got is told', async () => {
		const start = new Date(bed.clock.now() + 1000).toISOString();
		bed.clock.advance(2000);
		const dead = [];
		for (let i = 0; i < 5; i++) dead.push(await die());
		// the newest comes first; what died in the same millisecond, in any order
		bed.clock.advance(1);
		const other = await die('others');
		const { id, path } = await folder({ allow: { capabilities: ['rows'] } });
		const wish = { from: start, code: 'TARGET_GONE', target: { destination: id }, limit: 4 };
		const one = await replayMany(wish);
		expect([one.matched, one.replayed.length]).toEqual([4, 3]);
		expect(one.failed).toMatchObject([{ id: other.id, code: 'FORBIDDEN' }]);
		expect(one.nextCursor).not.toBeNull();
		const two = await replayMany({ ...wish, cursor: one.nextCursor });
		expect(two).toMatchObject({ matched: 2, failed: [], nextCursor: null });
		for (const next of [...one.replayed, ...two.replayed]) await bed.deliveryIn(next, 'delivered');
		const files = await readdir(path);
		expect(files).toHaveLength(5);
		const sums = await Promise.all(
			files.map(async (name) =>
				createHash('sha256')
					.update(await readFile(join(path, name)))
					.digest('hex'),
			),
		);
		expect(sums.sort()).toEqual(dead.map(({ artifact }) => artifact.sha256).sort());
	});

	it('go back to where they died of by a filter too', async () => {
		const dead = await die();
		hook.answer = (_, response) => {
			response.end('{}');
		};
		// an inline target of a run by hand is not switched off by a 410
		const { replayed } = await replayMany({ from: new Date(bed.clock.now()).toISOString() });
		expect(replayed).toContain(dead.id);
		await bed.deliveryIn(dead.id, 'delivered');
	});
});
