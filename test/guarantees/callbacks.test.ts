import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Answer } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { demand, startBed } from '../support/engine.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';

/* P11: duplicate, early and late callbacks are harmless; forged ones and those of other runs are refused. */

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	const held = holdCalls(server, '/work');
	({ calls } = held);
	await bed.register('work', held.url, { binding: { mode: 'async' } });
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

interface Session {
	id: string;
	token: string;
	call: HeldCall;
}

async function begin(policies: object = {}): Promise<Session> {
	const id = await bed.invoke('work', { policies });
	const call = await calls.next();
	return { id, token: call.envelope.callback.token, call };
}
async function waiting(policies: object = {}): Promise<Session> {
	const session = await begin(policies);
	session.call.answer(202);
	await bed.runIn(session.id, 'waiting');
	return session;
}
const say = async (
	{ id, token }: Pick<Session, 'id' | 'token'>,
	verb: string,
	body?: unknown,
): Promise<Answer> => bed.client(token).post(`/v1/sessions/${id}/${verb}`, body);
const verdict = ({ status, body }: Answer): [number, string] => [status, body.code];

describe('a callback', () => {
	it.each([
		['complete', [{ a: 1 }], 'succeeded'],
		['fail', { code: 'NO_DATA', message: 'none' }, 'failed'],
	])(
		'%s that comes 100 times at once is one transition and 100 identical answers',
		async (verb, body, state) => {
			const session = await waiting();
			const answers = await Promise.all(
				Array.from({ length: 100 }, async () => say(session, verb, body)),
			);
			expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
			expect(answers[0]).toMatchObject({
				status: 200,
				body: { status: 'accepted', runId: session.id },
			});
			expect((await bed.runIn(session.id)).state).toBe(state);
			const ends = (await bed.events(`run.${state}`)).filter(
				({ subject }) => subject['runId'] === session.id,
			);
			expect(ends).toHaveLength(1);
			expect((await say(session, verb, body)).status).toBe(200);
		},
	);

	it('may come before the capability has said 202', async () => {
		const session = await begin();
		demand(await say(session, 'complete', [{ early: true }]), 200);
		expect((await bed.run(session.id)).state).toBe('succeeded');
		session.call.answer(202);
		await bed.engine.context.store.check();
		expect((await bed.run(session.id)).state).toBe('succeeded');
		expect((await bed.admin.get(`/v1/runs/${session.id}/result`)).body).toEqual([{ early: true }]);
	});

	it('is refused when it comes late, or from an attempt before', async () => {
		const policies = { timeout: '1m', retry: { attempts: 2, delay: '1s', jitter: false } };
		const first = await waiting(policies);
		bed.clock.advance(60_000);
		await bed.runIn(first.id, 'retrying');
		expect(verdict(await say(first, 'complete', []))).toEqual([409, 'RUN_OVER']);
		bed.clock.advance(1_000);
		const call = await calls.next();
		const second = { id: first.id, token: call.envelope.callback.token, call };
		call.answer(202);
		await bed.until(
			async () =>
				(await bed.run(first.id)).epoch === 2 && (await bed.run(first.id)).state === 'waiting',
		);
		for (const verb of ['complete', 'fail', 'progress', 'heartbeat']) {
			const body = verb === 'heartbeat' ? undefined : {};
			expect(verdict(await say(first, verb, body))).toEqual([409, 'STALE_EPOCH']);
		}
		demand(await say(second, 'complete', []), 200);
		expect(verdict(await say(first, 'complete', []))).toEqual([409, 'STALE_EPOCH']);
		expect(verdict(await say(second, 'fail', {}))).toEqual([409, 'RUN_OVER']);
	});

	it('is refused with a forged token, and with that of another run', async () => {
		const session = await waiting();
		const other = await waiting();
		const forged = `${session.token.slice(0, -2)}${session.token.endsWith('AA') ? 'BB' : 'AA'}`;
		expect(verdict(await say({ ...session, token: forged }, 'complete', []))).toEqual([
			401,
			'TOKEN_INVALID',
		]);
		expect(verdict(await say({ ...session, token: 'nonsense' }, 'complete', []))).toEqual([
			401,
			'TOKEN_INVALID',
		]);
		expect(verdict(await say({ ...session, token: other.token }, 'complete', []))).toEqual([
			404,
			'NOT_FOUND',
		]);
		expect((await bed.run(session.id)).state).toBe('waiting');
		for (const open of [session, other]) demand(await say(open, 'complete', []), 200);
	});

	it('tells how far the work is, hears until when, and that it is not wanted any more', async () => {
		const session = await waiting({ timeout: '10m' });
		const beat = demand(await say(session, 'heartbeat'), 200).body;
		expect(beat.cancelled).toBe(false);
		expect(Date.parse(beat.deadline) - bed.clock.now()).toBe(600_000);
		demand(await say(session, 'progress', { done: 3, of: 9 }), 200);
		expect((await bed.run(session.id)).progress).toEqual({ done: 3, of: 9 });
		demand(await bed.admin.post(`/v1/runs/${session.id}/cancel`), 200);
		expect(demand(await say(session, 'heartbeat'), 200).body.cancelled).toBe(true);
		expect(verdict(await say(session, 'complete', []))).toEqual([409, 'RUN_OVER']);
	});

	it('that fails for now makes another attempt', async () => {
		const session = await waiting();
		demand(await say(session, 'fail', { code: 'BUSY', retry: 'later', retryAfter: '2m' }), 200);
		const run = await bed.run(session.id);
		expect(run).toMatchObject({
			state: 'retrying',
			error: { code: 'CAPABILITY_FAILED', detail: 'BUSY' },
		});
		expect(Date.parse(run.readyAt) - bed.clock.now()).toBe(120_000);
		demand(await bed.admin.post(`/v1/runs/${session.id}/cancel`), 200);
	});

	it('counts after a restart as before', async () => {
		const session = await waiting();
		await bed.restart();
		demand(await say(session, 'complete', [{ a: 1 }]), 200);
		expect((await bed.run(session.id)).state).toBe('succeeded');
	});
});
