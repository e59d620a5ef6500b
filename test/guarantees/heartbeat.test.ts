import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Answer, Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { demand, startBed } from '../support/engine.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';

/*
 * An attempt that gives no sign of life within `policies.heartbeat` is over, whatever is left of its timeout;
 * one that does lives as long as its timeout, and no longer.
 */

const SECOND = 1000;

let server: CapabilityServer;
let bed: Bed;
let waits: Inbox<HeldCall>;
let open: Inbox<HeldCall>;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	const slow = holdCalls(server, '/slow');
	const quick = holdCalls(server, '/open');
	[waits, open] = [slow.calls, quick.calls];
	await bed.register('slow', slow.url, { binding: { mode: 'async' } });
	await bed.register('open', quick.url);
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

const POLICIES = { heartbeat: '30s', timeout: '5m', retry: { attempts: 1 } };

async function waiting(policies: object = POLICIES): Promise<Session> {
	const id = await bed.invoke('slow', { policies });
	return accept(id);
}
async function accept(id: string): Promise<Session> {
	const call = await waits.next();
	call.answer(202);
	await bed.until(async () => {
		const run = await bed.run(id);
		return run.state === 'waiting' && run.epoch === call.envelope.epoch;
	});
	return { id, token: call.envelope.callback.token, call };
}
async function inRequest(policies: object = POLICIES): Promise<Session> {
	const id = await bed.invoke('open', { policies });
	const call = await open.next();
	return { id, token: call.envelope.callback.token, call };
}
const say = async (session: Session, verb: string, body?: unknown): Promise<Answer> =>
	bed.client(session.token).post(`/v1/sessions/${session.id}/${verb}`, body);
const beat = async (session: Session): Promise<Body> =>
	demand(await say(session, 'heartbeat'), 200).body;
const inMs = (text: string | null): number => Date.parse(text ?? '') - bed.clock.now();
/** Everything that is due has been looked at. */
const looked = async (): Promise<void> => {
	for (let n = 0; n < 3; n++) {
		bed.engine.context.wake.poke();
		await bed.engine.context.store.check();
		await new Promise((resolve) => setImmediate(resolve));
	}
};

describe('an attempt that calls back later', () => {
	it('is lost when no sign of life comes in time after its acceptance', async () => {
		const session = await waiting();
		expect(inMs((await bed.run(session.id)).beatBy)).toBe(30 * SECOND);
		bed.clock.advance(30 * SECOND - 1);
		await looked();
		expect((await bed.run(session.id)).state).toBe('waiting');
		bed.clock.advance(1);
		const run = await bed.runIn(session.id);
		expect(run).toMatchObject({
			state: 'expired',
			error: { code: 'HEARTBEAT_LOST' },
			beatBy: null,
		});
		expect(run.attempts).toMatchObject([{ outcome: 'timeout' }]);
		expect(await say(session, 'complete', [])).toMatchObject({ status: 409 });
	});

	it.each(['heartbeat', 'progress'])('lives on by each %s, and hears until when', async (verb) => {
		const session = await waiting();
		for (let n = 0; n < 5; n++) {
			bed.clock.advance(29 * SECOND);
			const body = verb === 'progress' ? { done: n } : undefined;
			const answer = demand(await say(session, verb, body), 200).body;
			expect(inMs(answer.beatBy)).toBe(30 * SECOND);
			expect(answer.cancelled).toBe(false);
			await looked();
		}
		demand(await say(session, 'complete', [{ done: true }]), 200);
		expect((await bed.run(session.id)).state).toBe('succeeded');
	});

	it('may beat as often as it likes: beats that put nothing off are not written', async () => {
		const session = await waiting();
		const commits = bed.engine.context.store as unknown as { commits(): number };
		bed.clock.advance(10 * SECOND);
		expect(inMs((await beat(session)).beatBy)).toBe(30 * SECOND);
		const before = commits.commits();
		for (let n = 1; n <= 10; n++) {
			bed.clock.advance(100);
			expect(inMs((await beat(session)).beatBy)).toBe(30 * SECOND - n * 100);
		}
		expect(commits.commits()).toBe(before);
		bed.clock.advance(SECOND);
		expect(inMs((await beat(session)).beatBy)).toBe(30 * SECOND);
		demand(await say(session, 'complete', []), 200);
	});

	it('is not kept alive past its own deadline', async () => {
		const session = await waiting({ ...POLICIES, timeout: '40s' });
		bed.clock.advance(20 * SECOND);
		const answer = await beat(session);
		expect([inMs(answer.beatBy), inMs(answer.deadline)]).toEqual([20 * SECOND, 20 * SECOND]);
		bed.clock.advance(20 * SECOND);
		expect(await bed.runIn(session.id)).toMatchObject({
			state: 'expired',
			error: { code: 'DEADLINE_EXCEEDED' },
		});
	});

	it('is tried again as one that timed out, and the next attempt has a heart of its own', async () => {
		const retry = { attempts: 2, delay: '1s', jitter: false, on: ['timeout'] };
		const first = await waiting({ ...POLICIES, retry });
		bed.clock.advance(30 * SECOND);
		await bed.runIn(first.id, 'retrying');
		bed.clock.advance(SECOND);
		const second = await accept(first.id);
		expect(await say(first, 'heartbeat')).toMatchObject({
			status: 409,
			body: { code: 'STALE_EPOCH' },
		});
		bed.clock.advance(29 * SECOND);
		await beat(second);
		bed.clock.advance(29 * SECOND);
		demand(await say(second, 'complete', []), 200);
		expect((await bed.run(first.id)).attempt).toBe(2);
	});

	it('is lost on time when every engine was away, and is not when it had beaten', async () => {
		const lost = await waiting({ ...POLICIES, retry: { attempts: 1 } });
		const alive = await waiting({ ...POLICIES, heartbeat: '2m' });
		await bed.restart(60 * SECOND);
		expect(await bed.runIn(lost.id)).toMatchObject({ error: { code: 'HEARTBEAT_LOST' } });
		await beat(alive);
		demand(await say(alive, 'complete', []), 200);
	});

	it('without the policy is not watched, and its beats are answered with its deadline', async () => {
		const session = await waiting({ timeout: '5m' });
		bed.clock.advance(4 * 60 * SECOND);
		const answer = await beat(session);
		expect([answer.beatBy, inMs(answer.deadline)]).toEqual([null, 60 * SECOND]);
		demand(await say(session, 'complete', []), 200);
	});
});

describe('an attempt that answers in the request', () => {
	it('is not watched before its first sign of life', async () => {
		const session = await inRequest();
		bed.clock.advance(200 * SECOND);
		await looked();
		session.call.answer(200, []);
		expect((await bed.runIn(session.id)).state).toBe('succeeded');
	});

	it('is broken off when its signs of life end', async () => {
		const session = await inRequest();
		bed.clock.advance(20 * SECOND);
		const answer = await beat(session);
		expect([inMs(answer.beatBy), inMs(answer.deadline)]).toEqual([30 * SECOND, 280 * SECOND]);
		bed.clock.advance(29 * SECOND);
		await beat(session);
		bed.clock.advance(29 * SECOND);
		await looked();
		expect((await bed.run(session.id)).state).toBe('running');
		bed.clock.advance(1 * SECOND);
		// whatever the watch had in flight when the clock moved, it looks again when its time has come
		await looked();
		bed.clock.advance(1);
		expect(await bed.runIn(session.id)).toMatchObject({
			state: 'failed',
			error: { code: 'HEARTBEAT_LOST' },
		});
		expect(session.call.response.writableFinished).toBe(false);
	});
});
