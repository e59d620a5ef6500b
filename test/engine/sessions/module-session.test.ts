import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createModuleSession } from '../../../engine/sessions/module/module-session.ts';
import type { SessionAdapter, SessionOutcome } from '../../../engine/sessions/session.port.ts';
import { exerciseSession } from '../../conformance/sessions.ts';
import { resultBytes, resultRows, sessionCall } from '../../support/session-call.ts';
import type { CallOptions } from '../../support/session-call.ts';

/** TypeScript, as operators may write it. */
const SOURCE = `
	import { Readable } from 'node:stream';
	interface Context { runId: string; attempt: number; signal: AbortSignal }
	let calls = 0;
	export default {
		rows: () => [{ n: 1, text: 'ä' }, { n: 2, text: null }],
		empty: () => ({ rows: [] }),
		json: async () => ({ answer: 42 }),
		bytes: () => new Uint8Array([0, 255, 10]),
		failure: () => { throw new Error('out of order'); },
		endless: () => { for (;;); },
		waits: (_: unknown, { signal }: Context) =>
			new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
		async *large() { for (let n = 0; n < 50_000; n++) yield { n, text: 'some text' }; },
		*columns() { yield { a: 9007199254740993n, at: new Date(0) }; },
		declared: () => ({ rows: [{ a: 1 }], columns: ['a'] }),
		stream: () => Readable.from(['one ', Buffer.from('two')]),
		nothing: () => undefined,
		values: () => [1, 2],
		echo: (parameters: object, context: Context) => ({ parameters, runId: context.runId }),
		busy: () => { throw Object.assign(new Error('busy'), { retry: 'later', code: 'E_BUSY', retryAfter: 5 }); },
		exits: () => process.exit(3),
		hungry: () => { const all = []; for (;;) all.push(new Array(100_000).fill(all.length)); },
		circular: () => { const a: any = {}; a.a = a; return a; },
		*breaks() { yield { n: 1 }; throw new Error('half way'); },
		environment: () => Object.keys(process.env).filter((name) => name.startsWith('CAPSCHEDULER_')).length,
		calls: () => ++calls,
	};
`;

let folder: string;
let adapter: SessionAdapter;
const settings = { module: 'reports' };

async function makeModule(): Promise<string> {
	const made = await mkdtemp(join(tmpdir(), 'capscheduler-module-'));
	await writeFile(join(made, 'package.json'), '{"type":"module"}');
	await writeFile(join(made, 'reports.ts'), SOURCE);
	await writeFile(join(made, 'broken.js'), 'export default {');
	return made;
}

exerciseSession('module', async () => {
	const own = await makeModule();
	const action = (name: string): CallOptions => ({ settings, action: name });
	return {
		adapter: createModuleSession({ modules: { reports: join(own, 'reports.ts') } }),
		rows: action('rows'),
		empty: action('empty'),
		json: action('json'),
		bytes: action('bytes'),
		failure: action('failure'),
		endless: action('endless'),
		large: action('large'),
		occupied: () => 0,
		close: () => rm(own, { recursive: true }),
	};
});

describe('a module', () => {
	const invoke = (action: string, more: Partial<CallOptions> = {}): Promise<SessionOutcome> =>
		adapter.invoke(sessionCall(adapter, { settings, action, ...more }));
	const value = async (action: string, more: Partial<CallOptions> = {}): Promise<unknown> =>
		JSON.parse((await resultBytes(await invoke(action, more))).toString());

	beforeAll(async () => {
		process.env['CAPSCHEDULER_CANARY'] = 'secret';
		folder = await makeModule();
		const modules = { reports: join(folder, 'reports.ts'), broken: join(folder, 'broken.js') };
		adapter = createModuleSession({ modules, memory: 64 });
	});
	afterAll(async () => {
		delete process.env['CAPSCHEDULER_CANARY'];
		await adapter.close?.();
		await rm(folder, { recursive: true });
	});

	it.each(['other', '../../etc/x', 'constructor', '__proto__'])(
		'is known by a name of the operator only: %s',
		async (module) => {
			await expect(adapter.check({ module }, {})).rejects.toMatchObject({ code: 'MODULE_UNKNOWN' });
			const outcome = await invoke('rows', { settings: { module } });
			expect(outcome).toMatchObject({ failure: { code: 'MODULE_UNKNOWN' } });
		},
	);

	it('gets the parameters and who it runs for, and nothing of the engine', async () => {
		expect(await value('echo', { parameters: { region: 'EU' } })).toEqual({
			parameters: { region: 'EU' },
			runId: 'run_01j00000000000000000000000',
		});
		expect(await value('environment')).toBe(0);
	});

	it('may answer whatever JavaScript has', async () => {
		expect(await resultRows(await invoke('columns'))).toEqual([
			{ a: '9007199254740993', at: '1970-01-01T00:00:00.000Z' },
		]);
		expect(await invoke('declared')).toMatchObject({ body: { columns: [{ name: 'a' }] } });
		expect((await resultBytes(await invoke('stream'))).toString()).toBe('one two');
		expect(await value('nothing')).toBeNull();
		expect(await value('values')).toEqual([1, 2]);
	});

	it.each([
		['nothing', 0],
		['values', 2],
		['json', undefined],
	])('tells how many rows its value holds: %s', async (action, rows) => {
		const outcome = await invoke(action);
		await resultBytes(outcome);
		expect(outcome.kind === 'result' && outcome.body.rows?.()).toBe(rows);
	});

	it('may say that it can be tried again', async () => {
		expect(await invoke('busy')).toMatchObject({
			failure: {
				code: 'CAPABILITY_FAILED',
				message: 'busy',
				detail: 'E_BUSY',
				retry: 'later',
				retryAfter: 5,
			},
		});
	});

	it.each([
		['exits', 'CAPABILITY_FAILED'],
		['hungry', 'CAPABILITY_FAILED'],
		['circular', 'RESULT_INVALID'],
		['missing', 'ACTION_UNKNOWN'],
		['toString', 'ACTION_UNKNOWN'],
	])('that %s fails alone (%s), and the next one runs', async (action, code) => {
		expect(await invoke(action)).toMatchObject({ failure: { code, retry: 'never' } });
		expect(await value('json')).toEqual({ answer: 42 });
	});

	it('that breaks half way breaks its result', async () => {
		await expect(resultBytes(await invoke('breaks'))).rejects.toMatchObject({
			code: 'CAPABILITY_FAILED',
			message: 'half way',
		});
	});

	it('that cannot be loaded says why', async () => {
		const outcome = await invoke('rows', { settings: { module: 'broken' } });
		expect(outcome).toMatchObject({ failure: { code: 'CAPABILITY_MISSING', retry: 'never' } });
	});

	it('that heeds its signal keeps its thread', async () => {
		const before = Number(await value('calls'));
		expect(await invoke('waits', { timeout: 50 })).toMatchObject({ failure: { code: 'TIMEOUT' } });
		const later = [await value('calls'), await value('calls')];
		expect(Math.max(...later.map(Number))).toBeGreaterThan(before);
	});

	it('waits its turn when many come at once', async () => {
		const all = await Promise.all(Array.from({ length: 20 }, async () => value('json')));
		expect(all).toHaveLength(20);
	});
});
