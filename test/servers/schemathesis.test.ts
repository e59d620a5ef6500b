import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Client } from '../support/api.ts';
import { clientOf } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { killEngines, startEngineProcess } from '../support/engine-process.ts';
import { finishedRun, registerReports } from '../support/reports.ts';
import { pythonEnv } from './python-env.ts';
import type { Given } from './schemathesis/config.ts';
import { configuration } from './schemathesis/config.ts';

/*
 * Schemathesis reads /openapi.json of a real engine and asks for everything in it, rightly and wrongly: no
 * answer may be a 5xx, or one that the document does not have. `SCHEMATHESIS_SEED` repeats a run;
 * CI always makes the same one.
 */

const VERSION = '4.32.5';
const EXAMPLES = 40;
const SEED = Number(
	process.env['SCHEMATHESIS_SEED'] ??
		(process.env['CI'] === undefined ? randomInt(2 ** 32) : 20_261_127),
);
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

let programs: string;
let folder: string;
let server: CapabilityServer;
let engine: EngineProcess;

beforeAll(async () => {
	programs = await pythonEnv('schemathesis', [`schemathesis==${VERSION}`]);
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-schemathesis-'));
	server = await new CapabilityServer().start();
	engine = await startEngineProcess(
		{
			CAPSCHEDULER_DATA_DIR: join(folder, 'data'),
			CAPSCHEDULER_FILE_ROOTS: join(folder, 'out'),
			CAPSCHEDULER_RATE_LIMIT: '0',
			CAPSCHEDULER_LOG: 'warn:json',
		},
		{
			command: [
				process.execPath,
				...['--import', path('../support/loopback-only.preload.ts')],
				...[path('../../engine/cli/main.ts'), 'start', '--json'],
			],
		},
	);
}, 300_000);
afterAll(async () => {
	await killEngines();
	await server.close();
	await rm(folder, { recursive: true, force: true });
});

/** A run whose capability has said 202 and has not called back. */
async function openRun(admin: Client): Promise<{ id: string; token: string }> {
	const { body } = await admin.post('/v1/capabilities/reports/actions/later/invoke', {});
	for (;;) {
		const call = server.received
			.filter(({ url }) => url === '/reports')
			.map(({ body: envelope }) => JSON.parse(envelope) as { requestId: string; callback: never })
			.find(({ requestId }) => requestId === body.id);
		if (call !== undefined)
			return { id: body.id as string, token: (call.callback as { token: string }).token };
		await new Promise(setImmediate);
	}
}

/** One of everything. */
async function furnish(key: string): Promise<Given & { kept: string[] }> {
	const admin = clientOf(engine.url, key);
	await registerReports(admin, server);
	for (const name of ['spare', 'standing']) {
		const binding = { type: 'http', url: server.url('/none') };
		await admin.put(`/v1/capabilities/${name}`, { actions: { go: {} }, binding });
	}
	server.on('/in', (response) => response.writeHead(204).end());
	const order = { action: 'now', frequency: '@daily' };
	const { scheduleId } = (await admin.post('/reports/schedule', order)).body as {
		scheduleId: string;
	};
	const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z' };
	const backfill = (await admin.post(`/v1/schedules/${scheduleId}/backfill`, range)).body
		.id as string;
	for (const name of ['spare', 'standing']) {
		await admin.post('/v1/calendars', { name, days: [{ date: '2027-12-24' }] });
	}
	const run = await finishedRun(admin);
	const target = { channel: 'webhook', settings: { url: server.url('/in') } };
	await admin.post(
		'/v1/capabilities/reports/actions/now/invoke',
		{ delivery: { targets: [target] } },
		{ headers: { prefer: 'wait=30' } },
	);
	const [delivery] = (await admin.get('/v1/deliveries')).body.items as { id: string }[];
	server.on('/gone', (response) => response.writeHead(410).end());
	await admin.post(
		'/v1/capabilities/reports/actions/now/invoke',
		{ delivery: { targets: [{ channel: 'webhook', settings: { url: server.url('/gone') } }] } },
		{ headers: { prefer: 'wait=30' } },
	);
	const [dead] = await deadLetters(admin);
	const link = (await admin.post(`/v1/runs/${run.id as string}/links`)).body.url as string;
	const working = await openRun(admin);
	const { id: cancelled } = await openRun(admin);
	await admin.post(`/v1/runs/${cancelled}/cancel`);
	return {
		key,
		cancelled,
		delivery: delivery?.id ?? '',
		dead: dead!.id,
		schedule: scheduleId,
		backfill,
		linkToken: link.split('/r/')[1] ?? '',
		sessions: {
			complete: await openRun(admin),
			fail: await openRun(admin),
			heartbeat: working,
			progress: working,
		},
		kept: ['reports', 'standing', scheduleId, (await admin.get('/v1/me')).body.keyId as string],
	};
}

/** Once there are any. */
async function deadLetters(admin: ReturnType<typeof clientOf>): Promise<{ id: string }[]> {
	for (;;) {
		const items = (await admin.get('/v1/dead-letters')).body.items as { id: string }[];
		if (items.length > 0) return items;
		await new Promise((resolve) => setImmediate(resolve));
	}
}

async function schemathesis(
	kept: readonly string[],
	{ config, report }: { config: string; report: string },
) {
	const child = spawn(
		join(programs, 'schemathesis'),
		[
			...['--config-file', config, 'run', `${engine.url}/openapi.json`, '--no-color'],
			...['--phases', 'examples,coverage,fuzzing'],
			...['--report', 'json', '--report-json-path', report],
			...['--max-examples', String(EXAMPLES), '--seed', String(SEED)],
		],
		{
			cwd: folder,
			env: { ...process.env, KEPT: kept.join(',') },
			stdio: ['ignore', 'pipe', 'pipe'],
		},
	);
	let output = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
	child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
	const [code] = (await once(child, 'close')) as [number | null];
	return { code, output };
}

/** These are accepted only for an instant that an earlier request named, which no generator hits. */
const NEED_AN_EARLIER_ACT: ReadonlySet<string> = new Set([
	'POST /v1/schedules/{id}/unskip',
	'POST /v1/schedules/{id}/move',
	'POST /v1/schedules/{id}/skip',
	'DELETE /v1/calendars/{idOrName}',
]);

/** Operations of which every request was refused: about them nothing was shown. */
function neverAccepted(report: string): string[] {
	const { valid_rates: rates } = JSON.parse(report) as {
		valid_rates: Record<string, Record<string, { accepted: number }>>;
	};
	return Object.entries(rates)
		.filter(([, phases]) => Object.values(phases).every(({ accepted }) => accepted === 0))
		.map(([operation]) => operation)
		.filter((operation) => !NEED_AN_EARLIER_ACT.has(operation));
}

describe('schemathesis', () => {
	it('finds no 5xx and no answer that the OpenAPI document does not have', async () => {
		process.stderr.write(`schemathesis ${VERSION}, seed ${SEED}\n`);
		const { kept, ...given } = await furnish(engine.firstKey ?? '');
		const config = join(folder, 'schemathesis.toml');
		await writeFile(config, configuration(path('schemathesis/hooks.py'), given));
		const report = join(folder, 'report.json');
		const { code, output } = await schemathesis(kept, { config, report });
		expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
		expect(neverAccepted(await readFile(report, 'utf8'))).toEqual([]);
		expect(engine.log()).not.toContain('"level":"error"');
	}, 420_000);
});
