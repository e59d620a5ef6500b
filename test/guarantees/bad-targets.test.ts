import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import type { Handler } from '../support/capability-server.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';
import type { FakeClock } from '../support/fake-clock.ts';

/* P10: a target may do what it likes: the run ends by its timeout and a second, with a code that says why. */

const TIMEOUT = 1_000;
const MEGABYTE = 1_000_000;

let server: CapabilityServer;
let bed: Bed;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	// The wall's own clock: here the time limit itself is what is shown.
	bed = await startBed(
		{ CAPSCHEDULER_MAX_RESULT_BYTES: '5MB' },
		{ clock: systemClock as FakeClock },
	);
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

/** A hundred megabytes in a hundred kilobytes. */
const BOMB = gzipSync(Buffer.alloc(100 * MEGABYTE, '['), { level: 1 });
const json = { 'content-type': 'application/json' };
const ndjson = { 'content-type': 'application/x-ndjson' };
/** Writes for as long as somebody reads. */
const flood =
	(head: Record<string, string>, chunk: Uint8Array | string): Handler =>
	(response) => {
		response.writeHead(200, head);
		const more = (): void => {
			while (!response.destroyed && response.write(chunk)) continue;
		};
		response.on('drain', more);
		more();
	};

const TARGETS: Record<string, { target: Handler; codes: string[] }> = {
	'never answers': { target: () => undefined, codes: ['TIMEOUT'] },
	'drips a byte now and then': {
		target: (response) => {
			response.writeHead(200, json);
			const drip = setInterval(() => response.write(' '), 50);
			response.on('close', () => {
				clearInterval(drip);
			});
		},
		codes: ['TIMEOUT'],
	},
	'promises more than it sends': {
		target: (response) => {
			response.writeHead(200, { ...json, 'content-length': '1000' });
			response.write('[1');
			response.socket?.end();
		},
		codes: ['TARGET_PROTOCOL', 'TARGET_UNREACHABLE'],
	},
	'sends without end': {
		target: flood(ndjson, '{"a":1}\n'.repeat(1000)),
		codes: ['RESULT_TOO_LARGE'],
	},
	'sends a gzip bomb': {
		target: (response) => {
			response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(BOMB);
		},
		codes: ['RESULT_TOO_LARGE', 'RESULT_INVALID'],
	},
	'sends one value without end': {
		target: flood(json, '['.repeat(1000)),
		codes: ['RESULT_TOO_LARGE', 'RESULT_INVALID'],
	},
	redirects: {
		target: (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
		codes: ['TARGET_REDIRECT'],
	},
	'sends bytes that are no UTF-8': {
		target: (response) =>
			response.writeHead(200, json).end(Buffer.from([0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d])),
		codes: ['RESULT_INVALID'],
	},
	'sends half a document': {
		target: (response) => response.writeHead(200, json).end('[{"a":1}'),
		codes: ['RESULT_INVALID'],
	},
	'sends a broken line': {
		target: (response) => response.writeHead(200, ndjson).end('{"a":1}\n{"a":\n'),
		codes: ['RESULT_INVALID'],
	},
	'hangs up at once': {
		target: (response) => response.socket?.destroy(),
		codes: ['TARGET_UNREACHABLE'],
	},
	'speaks another protocol': {
		target: (response) => response.socket?.end('220 ftp.example.org ready\r\n'),
		codes: ['TARGET_PROTOCOL', 'TARGET_UNREACHABLE'],
	},
	'sends headers without end': {
		target: (response) => {
			const socket = response.socket;
			socket?.write('HTTP/1.1 200 OK\r\n');
			const more = (): void => {
				while (socket?.destroyed === false && socket.write(`x-a: ${'b'.repeat(1000)}\r\n`))
					continue;
			};
			socket?.on('drain', more);
			more();
		},
		codes: ['TARGET_PROTOCOL', 'TARGET_UNREACHABLE'],
	},
};

describe('a target that', () => {
	it.each(Object.entries(TARGETS))('%s cannot hold a run', async (what, { target, codes }) => {
		const name = what.replaceAll(/[^a-z]+/gi, '-').toLowerCase();
		await bed.register(name, server.on(`/${name}`, target));
		const policies = { timeout: TIMEOUT, retry: { attempts: 1 } };
		const { body } = await bed.admin.post(`/v1/capabilities/${name}/actions/go/invoke`, {
			policies,
		});
		const run = await bed.runIn(body.id);
		expect([run.state, codes.includes(run.error.code) || run.error.code]).toEqual(['failed', true]);
		expect(Date.parse(run.endedAt) - Date.parse(run.startedAt)).toBeLessThan(TIMEOUT + 1_000);
		expect(run.resultId).toBeNull();
	});

	it('was any of these leaves no connection and no file behind', async () => {
		await bed.until(() => server.open === 0 || undefined);
		const { store } = bed.engine.context;
		expect(await store.doctor(Date.now())).toEqual([]);
		expect((await store.counts()).runs).toEqual({ failed: Object.keys(TARGETS).length });
	});
});
