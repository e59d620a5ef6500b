import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Received, Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

let server: CapabilityServer;
let bed: Bed;
let status: number;
let user: Receiver;
let target: Receiver;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed({ CAPSCHEDULER_NOTIFY_AFTER: '5m' });
	const url = server.on('/rows', (response) => {
		response.writeHead(status, { 'content-type': 'application/json' }).end('[{"id":1}]');
	});
	await bed.register('rows', url);
});
beforeEach(async () => {
	status = 200;
	[user, target] = await Promise.all([startReceiver(), startReceiver()]);
});
afterEach(async () => {
	await Promise.all([user.close(), target.close()]);
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const answering = (receiver: Receiver, code: number): void => {
	receiver.answer = (_request, response) => response.writeHead(code).end();
};
const tell = (more: object = {}): object[] => [{ url: user.url, secret: SECRET, ...more }];
const told = ({ body }: Received): Body => JSON.parse(body.toString()).data;
const notificationIn = async (run: string, state: string): Promise<Body> =>
	bed.until(async () => {
		const [notification] = (await bed.run(run)).notifications;
		return notification?.state === state && notification;
	});

describe('the notification of a run', () => {
	it('is signed, and carries the end and a link that gives the result', async () => {
		const next = user.next();
		const run = await bed.invoke('rows', { notify: tell(), delivery: { format: 'csv' } });
		const received = await next;
		expect(signatureHolds(received, SECRET)).toBe(true);
		const data = told(received);
		expect(data).toMatchObject({
			runId: run,
			state: 'succeeded',
			error: null,
			result: { size: 10 },
		});
		const file = await fetch(data.resultUrl);
		expect([file.status, await file.text()]).toEqual([200, 'id\r\n1\r\n']);
		await notificationIn(run, 'delivered');
	});

	it('comes when it failed, was cancelled or expired too, without a link, and only where it is wanted', async () => {
		status = 404;
		const next = user.next();
		const run = await bed.invoke('rows', { notify: tell({ on: ['failed'] }) });
		expect(told(await next)).toMatchObject({
			state: 'failed',
			resultUrl: null,
			error: { code: 'TARGET_REFUSED' },
		});
		await notificationIn(run, 'delivered');
		status = 200;
		const silent = await bed.invoke('rows', { notify: tell({ on: ['failed'] }) });
		await bed.runIn(silent, 'succeeded');
		expect((await bed.run(silent)).notifications).toEqual([]);
	});

	it('waits until the deliveries are settled, and tells how they are', async () => {
		const waiting = Promise.withResolvers<void>();
		const asked = target.next();
		target.answer = (_request, response) => {
			void waiting.promise.then(() => response.writeHead(200).end());
		};
		const next = user.next();
		const run = await bed.invoke('rows', {
			notify: tell(),
			delivery: {
				targets: [{ channel: 'webhook', settings: { url: target.url }, format: 'json' }],
			},
		});
		await asked;
		expect((await bed.run(run)).notifications[0].state).toBe('pending');
		expect(user.received).toHaveLength(0);
		waiting.resolve();
		expect(told(await next).deliveries).toMatchObject([
			{ target: '0', state: 'delivered', attempts: 1 },
		]);
	});

	it('does not wait for ever: after notifyAfter it tells what is still being tried', async () => {
		answering(target, 503);
		const next = user.next();
		const run = await bed.invoke('rows', {
			notify: tell(),
			delivery: {
				targets: [{ channel: 'webhook', settings: { url: target.url }, format: 'json' }],
			},
		});
		const states = (delivery: Body): boolean => delivery.state === 'failed';
		await bed.until(async () => {
			const { deliveries } = await bed.run(run);
			return deliveries.length > 0 && deliveries.every(states);
		});
		expect(user.received).toHaveLength(0);
		bed.clock.advance(5 * 60_000);
		expect(told(await next).deliveries[0].state).not.toBe('delivered');
	});

	it('is tried again under the same id with the same bytes, and each time signed anew', async () => {
		answering(user, 500);
		const run = await bed.invoke('rows', { notify: tell() });
		const failed = await notificationIn(run, 'failed');
		answering(user, 200);
		bed.clock.advanceTo(Date.parse(failed.dueAt));
		await notificationIn(run, 'delivered');
		const [one, two] = user.received as [Received, Received];
		expect(two.headers['webhook-id']).toBe(one.headers['webhook-id']);
		expect(two.body.equals(one.body)).toBe(true);
		expect(two.headers['webhook-timestamp']).not.toBe(one.headers['webhook-timestamp']);
		for (const received of [one, two]) expect(signatureHolds(received, SECRET)).toBe(true);
	});

	it('never changes the run: a receiver that is gone leaves it succeeded, and is not called again', async () => {
		answering(user, 410);
		const { scheduleId } = await bed.schedule('rows', { timing: { every: '1h' }, notify: tell() });
		for (const code of ['TARGET_GONE', 'TARGET_DISABLED']) {
			const { body } = demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 202);
			expect((await notificationIn(body.id, 'dead')).error.code).toBe(code);
			expect((await bed.run(body.id)).state).toBe('succeeded');
		}
		expect(user.received).toHaveLength(1);
	});

	it('is signed with a secret that the engine made and answered once, when none was given', async () => {
		const next = user.next();
		const made = await bed.schedule('rows', { timing: { every: '1h' }, callback: user.url });
		demand(await bed.admin.post(`/v1/schedules/${made.scheduleId}/trigger`), 202);
		expect(signatureHolds(await next, made.secrets.callback)).toBe(true);
		const shown = (await bed.admin.get(`/v1/schedules/${made.scheduleId}`)).text;
		expect(shown).not.toContain(made.secrets.callback);
	});

	it('is so for an invocation too', async () => {
		const next = user.next();
		const path = '/v1/capabilities/rows/actions/go/invoke';
		const { body } = demand(await bed.admin.post(path, { callback: user.url }), 202);
		expect(signatureHolds(await next, body.secrets.callback)).toBe(true);
	});

	it('may go to a destination', async () => {
		const settings = { url: user.url, secret: SECRET };
		demand(
			await bed.admin.post('/v1/destinations', { name: 'ops', channel: 'webhook', settings }),
			201,
		);
		const next = user.next();
		await bed.invoke('rows', { notify: [{ destination: 'ops' }] });
		expect(signatureHolds(await next, SECRET)).toBe(true);
	});
});

describe('a result link', () => {
	it('ends with its time, its uses, or when it is revoked; and outlives a restart until then', async () => {
		const run = await bed.invoke('rows');
		await bed.runIn(run, 'succeeded');
		const make = async (input: object): Promise<{ token: string; id: string }> => {
			const { body } = demand(await bed.admin.post(`/v1/runs/${run}/links`, input), 201);
			return { token: new URL(body.url).pathname, id: body.link.id };
		};
		const nobody = (): ReturnType<Bed['client']> => bed.client();
		const [timed, twice, revoked] = await Promise.all([
			make({ expiresIn: '1h' }),
			make({ maxUses: 2 }),
			make({}),
		]);
		await bed.restart();
		expect((await nobody().head(twice.token)).status).toBe(200);
		expect((await nobody().get(twice.token)).status).toBe(200);
		expect((await nobody().get(twice.token)).status).toBe(200);
		expect((await nobody().get(twice.token)).status).toBe(410);
		expect((await nobody().get(revoked.token)).status).toBe(200);
		demand(await bed.admin.delete(`/v1/links/${revoked.id}`), 204);
		expect((await nobody().get(revoked.token)).status).toBe(410);
		bed.clock.advance(3_600_000 - 1);
		expect((await nobody().get(timed.token)).status).toBe(200);
		bed.clock.advance(1);
		expect((await nobody().get(timed.token)).status).toBe(410);
	});

	it('gives as many downloads as it allows when many come at once', async () => {
		const run = await bed.invoke('rows');
		await bed.runIn(run, 'succeeded');
		const { body } = demand(await bed.admin.post(`/v1/runs/${run}/links`, { maxUses: 3 }), 201);
		const answers = await Promise.all(
			Array.from({ length: 20 }, async () => (await fetch(body.url)).status),
		);
		expect(answers.filter((code) => code === 200)).toHaveLength(3);
		expect(answers.filter((code) => code === 410)).toHaveLength(17);
	});
});
