/**
 * Thousands of deliveries to files and webhooks, with faults all along: answers that fail, are slow to come, or
 * are lost after the work was done; connections that break; folders that are not there; a restart in between.
 * Every one ends: delivered, byte for byte and where the channel can tell once, or in the dead letters with the
 * reason that was injected. 5,000 in CI, 500 in `npm test`, or as many as CAPSCHEDULER_SOAK says.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

const DELIVERIES = Number(process.env['CAPSCHEDULER_SOAK'] ?? (process.env['CI'] ? 5000 : 500));
/** Targets of one run. */
const TARGETS = 20;
/** The clock jumps by this when nothing moves; far less than a lease, which a claim under way must not lose by it. */
const STEP = 300_000;

let server: CapabilityServer;
let bed: Bed;
let hook: Receiver;
/** Webhook ids that were answered with 2xx, or would have been had the answer not been lost, with what they brought. */
const arrived = new Map<string, string>();
let requests = 0;
let lostAnswers = 0;

beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed({ CAPSCHEDULER_DELIVERY_CONCURRENCY: '32', CAPSCHEDULER_LEASE: '1h' });
	await mkdir(join(bed.folder, 'out'));
	hook = await startReceiver();
	let made = 0;
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' });
		response.end(JSON.stringify([{ made: made++, text: 'ä'.repeat(made % 50) }]));
	});
	await bed.register('rows', url);
	hook.answer = answer;
});
afterAll(async () => {
	await bed.close();
	await Promise.all([hook.close(), server.close()]);
});

const answer: Receiver['answer'] = (request, response, { sha256, headers }) => {
	const id = String(headers['webhook-id']);
	const fault = requests++ % 17;
	// by its path: one that is never well
	if (request.url === '/refuses') {
		response.writeHead(302, { location: '/elsewhere' }).end();
	} else if (fault === 3) {
		response.writeHead(500).end();
	} else if (fault === 8) {
		response.writeHead(503, { 'retry-after': '2' }).end();
	} else if (fault === 12) {
		request.socket.destroy();
	} else if (fault === 15) {
		// the work is done, and the sender never hears of it
		take(id, sha256);
		lostAnswers++;
		request.socket.destroy();
	} else {
		take(id, sha256);
		response.end('{}');
	}
};

function take(id: string, sha256: string): void {
	const before = arrived.get(id);
	if (before !== undefined && before !== sha256) throw new Error(`${id} came with other bytes`);
	arrived.set(id, sha256);
}

/** Where each target of a run goes: most work, some never can. */
function targetOf(i: number): object {
	const at = hook.url.replace(/\/hook$/, '');
	if (i % 10 === 9) return { channel: 'webhook', settings: { url: `${at}/refuses` } };
	if (i % 10 === 8) {
		const settings = { folder: 'absent', mkdir: false };
		return { channel: 'file', settings, within: '20m' };
	}
	if (i % 2 === 0) {
		const filename = `{{runId}}-${i}.{{ext}}`;
		return { channel: 'file', settings: { folder: 'there', overwrite: 'refuse' }, filename };
	}
	return { channel: 'webhook', settings: { url: `${at}/hook-${i}` } };
}

async function counts(): Promise<Record<string, number>> {
	return (await bed.engine.context.store.counts()).deliveries;
}

it('every one of them is delivered, or in the dead letters with a true reason', async () => {
	const runs = Math.ceil(DELIVERIES / TARGETS);
	const targets = Array.from({ length: TARGETS }, (_, i) => targetOf(i));
	const ids: string[] = [];
	for (let i = 0; i < runs; i++) {
		ids.push(await bed.invoke('rows', { delivery: { mode: 'push', targets } }));
		if (i === Math.floor(runs / 2)) await bed.restart();
	}
	for (const id of ids) await bed.runIn(id);

	let before = '';
	for (;;) {
		const now = await counts();
		const open = (now['pending'] ?? 0) + (now['failed'] ?? 0) + (now['sending'] ?? 0);
		if (open === 0) break;
		const seen = JSON.stringify(now);
		// nothing moves any more at this instant
		if (seen === before && (now['sending'] ?? 0) === 0) bed.clock.advance(STEP);
		before = seen;
		await bed.admin.get('/healthz');
	}

	const all = (
		await Promise.all(ids.map(async (id) => (await bed.run(id)).deliveries as Body[]))
	).flat();
	expect(all).toHaveLength(runs * TARGETS);
	const files = new Map<string, string>();
	for (const name of await readdir(join(bed.folder, 'out', 'there'))) {
		const bytes = await readFile(join(bed.folder, 'out', 'there', name));
		files.set(name, createHash('sha256').update(bytes).digest('hex'));
	}
	const wrong: string[] = [];
	let delivered = 0;
	for (const { id, target, state, channel, error, artifact, receipt } of all) {
		const i = Number(target);
		const hopeless = i % 10 >= 8;
		const why = `${id} ${channel} ${target}: ${state} ${error?.code ?? ''} ${error?.message ?? ''}`;
		if (hopeless) {
			const codes =
				i % 10 === 9 ? ['TARGET_REDIRECT'] : ['TARGET_UNREACHABLE', 'DEADLINE_EXCEEDED'];
			if (state !== 'dead' || !codes.includes(error.code as string)) wrong.push(why);
			continue;
		}
		const bytes =
			channel === 'file' ? files.get(artifact?.filename as string) : arrived.get(id as string);
		if (state !== 'delivered' || bytes !== artifact.sha256 || receipt?.sha256 !== bytes)
			wrong.push(why);
		delivered++;
	}
	expect(wrong.slice(0, 10)).toEqual([]);
	// none twice: a file of each name, and no half of one; what webhooks got twice came under one id
	const names = all.filter(({ channel, state }) => channel === 'file' && state === 'delivered');
	expect(files.size).toBe(names.length);
	expect(lostAnswers).toBeGreaterThan(0);
	expect((await counts())['dead']).toBe(all.length - delivered);
	const findings = await bed.engine.context.store.doctor(bed.clock.now());
	expect(findings.filter(({ severity }) => severity === 'problem')).toEqual([]);
}, 600_000);
