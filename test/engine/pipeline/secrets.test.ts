import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const whsec = (fill: number): string => `whsec_${Buffer.alloc(32, fill).toString('base64')}`;
/** Secrets that the user gives, by the place where they are given. */
const CANARIES: Record<string, string> = {
	bindingSecret: whsec(1),
	authorization: 'Bearer canary-authorization-1234567890',
	apiKey: 'canary-api-key-1234567890',
	targetSecret: whsec(2),
	targetHeader: 'X-Token: canary-header-1234567890',
	notifySecret: whsec(3),
	destinationSecret: whsec(4),
};

let server: CapabilityServer;
let user: Receiver;
let bed: Bed;
let log = '';
const shown: string[] = [];
/** Those that the engine made on the way. */
const made: Record<string, string> = {};

beforeAll(async () => {
	[server, user] = await Promise.all([new CapabilityServer().start(), startReceiver()]);
	const writeLog = (line: string): void => {
		log += line;
	};
	bed = await startBed({ CAPSCHEDULER_LOG: 'debug:json' }, { writeLog });
	await tellSecrets();
	await runAll();
	await readAll();
});
afterAll(async () => {
	await bed.close();
	await Promise.all([server.close(), user.close()]);
});

const { bindingSecret, authorization, apiKey, targetSecret, targetHeader, notifySecret } = CANARIES;
const destination = { channel: 'webhook', settings: {} as Record<string, unknown> };
const target = (): object => ({
	channel: 'webhook',
	settings: { url: user.url, secret: targetSecret, secretHeader: targetHeader },
	format: 'csv',
	fallback: [{ destination: 'ops' }],
});

async function tellSecrets(): Promise<void> {
	const url = server.json('/rows', [{ id: 1 }]);
	await bed.register('rows', url, { binding: { secret: bindingSecret, authorization, apiKey } });
	destination.settings = { url: user.url, secret: CANARIES['destinationSecret'] };
	demand(await bed.admin.post('/v1/destinations', { name: 'ops', ...destination }), 201);
	made['apiToken'] = await bed.keyOf(['runs:read']);
}

async function runAll(): Promise<void> {
	const { scheduleId, secrets } = await bed.schedule('rows', {
		timing: { every: '1h' },
		delivery: { targets: [target()] },
		notify: [{ url: user.url, secret: notifySecret }, { destination: 'ops' }],
		callback: user.url,
	});
	made['callbackSecret'] = secrets.callback;
	// One run that goes well, one whose receivers fail, one whose capability echoes what it was sent.
	for (const status of [200, 500, 410]) {
		user.answer = (request, response) => {
			response.writeHead(status).end(JSON.stringify(request.headers));
		};
		const { body } = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
		await bed.runIn(body.id, 'succeeded');
		const isTried = ({ state }: Body): boolean => state !== 'pending' && state !== 'sending';
		await bed.until(async () => (await bed.run(body.id)).deliveries.every(isTried));
		// What is tried again keeps notifications waiting, but not for ever. Those of the others are on their
		// way by now: five minutes more, and their leases would be over.
		if (status === 500) bed.clock.advance(300_000);
		await bed.until(async () => (await bed.run(body.id)).notifications.every(isTried));
		const link = demand(await bed.admin.post(`/v1/runs/${body.id}/links`, {}), 201).body
			.url as string;
		made[`link${status}`] = link.slice(link.lastIndexOf('.') + 1);
		demand(await bed.client().get(new URL(link).pathname), 200);
	}
	const envelope = server.received.find(({ url }) => url === '/rows');
	expect(envelope?.headers.authorization).toBe(authorization);
	const sent = user.received
		.map(({ headers, body }) => JSON.stringify(headers) + body.toString())
		.join('');
	// What goes to the user by right: the link.
	expect(sent).toContain('/r/lnk_');
	const { resultUrl } = user.received
		.map(({ headers, body }) =>
			headers['content-type']?.includes('json') ? JSON.parse(body.toString()).data : {},
		)
		.find((data) => data?.resultUrl) as { resultUrl: string };
	made['notifiedLink'] = resultUrl.slice(resultUrl.lastIndexOf('.') + 1);
}

async function readAll(): Promise<void> {
	const keep = ({ text }: { text: string }): void => {
		shown.push(text);
	};
	const lists = [
		'runs',
		'schedules',
		'deliveries',
		'dead-letters',
		'destinations',
		'capabilities',
		'keys',
		'formats',
		'channels',
		'bindings',
		'me',
	];
	for (const list of lists) {
		const answer = demand(await bed.admin.get(`/v1/${list}`), 200);
		keep(answer);
		for (const item of answer.body.items ?? []) {
			if (['dead-letters', 'keys', 'formats', 'channels', 'bindings'].includes(list)) continue;
			keep(
				demand(
					await bed.admin.get(`/v1/${list}/${list === 'capabilities' ? item.name : item.id}`),
					200,
				),
			);
		}
	}
	keep(await bed.admin.get('/metrics'));
	shown.push(JSON.stringify(await bed.events()));
	// And what answers to mistakes repeat.
	keep(
		await bed.admin.post('/v1/destinations', {
			name: 'x',
			channel: 'webhook',
			settings: { ...destination.settings, typo: 1 },
		}),
	);
	keep(
		await bed.admin.put('/v1/capabilities/rows', {
			actions: { go: {} },
			binding: { type: 'http', url: 'nonsense', authorization, apiKey, secret: bindingSecret },
		}),
	);
	keep(
		await bed.admin.post('/rows/schedule', {
			action: 'go',
			time: 'in 1h',
			notify: [{ url: user.url, secret: `${notifySecret}`, on: ['never'] }],
		}),
	);
}

describe('secrets', () => {
	const all = (): [string, string][] => Object.entries<string>({ ...CANARIES, ...made });
	const leaks = (text: string): string[] =>
		all()
			.filter(
				([, secret]) =>
					text.includes(secret) ||
					text.includes(secret.replace(/^(?:Bearer |X-Token: |whsec_)/, '')),
			)
			.map(([place]) => place);

	it('were all in play', () => {
		expect(all().length).toBe(Object.keys(CANARIES).length + 6);
		expect(all().filter(([, secret]) => typeof secret !== 'string' || secret.length < 20)).toEqual(
			[],
		);
		expect(shown.length).toBeGreaterThan(15);
	});

	it('are in no answer and no event', () => {
		expect(leaks(shown.join('\n'))).toEqual([]);
	});

	it('are in no log line', () => {
		expect(log).toContain('engine started');
		expect(leaks(log)).toEqual([]);
	});

	it('are nowhere in clear in the data folder', async () => {
		const folder = join(bed.folder, 'data');
		const files = await readdir(folder, { recursive: true, withFileTypes: true });
		for (const file of files.filter((entry) => entry.isFile())) {
			const bytes = await readFile(join(file.parentPath, file.name), 'latin1');
			expect([file.name, leaks(bytes)]).toEqual([file.name, []]);
		}
	});
});
