import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { startEngineProcess } from '../support/engine-process.ts';

/* The package as a user gets it: built, packed, installed into an empty folder, and run by npx. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** This Node first: the machine's own may be older than the engine takes. */
const env = {
	...process.env,
	PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
};
let folder: string;
let app: string;

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
	const { stdout } = await promisify(execFile)(program, args, { cwd, env, maxBuffer: 1e8 });
	return stdout;
}

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-pack-'));
	app = join(folder, 'app');
	await mkdir(app);
	await run('npm', ['run', 'build', '-w', 'engine'], ROOT);
	await run('npm', ['pack', '-w', 'engine', '--pack-destination', folder], ROOT);
	const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? 'no tarball';
	await run(
		'npm',
		['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball)],
		app,
	);
}, 600_000);

afterAll(async () => {
	await rm(folder, { recursive: true, force: true });
});

describe('the packed engine', () => {
	it('starts by npx in an empty folder, and answers', async () => {
		const engine = await startEngineProcess(
			{ CAPSCHEDULER_DATA_DIR: join(folder, 'data'), PATH: env.PATH },
			{ command: ['npx', 'capscheduler', 'start', '--json'], cwd: app },
		);
		try {
			const response = await fetch(`${engine.url}/healthz`);
			expect(await response.json()).toEqual({ status: 'ok' });
			expect(engine.firstKey).toMatch(/^csk_/);
		} finally {
			// npx stands between: the engine itself is the one to ask
			process.kill(engine.pid, 'SIGTERM');
		}
		expect(await engine.ended).toEqual({ code: 0, signal: null });
	});

	it('keeps what V8 compiled beside its code, for the next start', async () => {
		const kept = await readdir(join(app, 'node_modules', '.cache', 'capscheduler'));
		expect(kept).not.toEqual([]);
	});

	it('has everything that the demo needs', async () => {
		const told = JSON.parse(await run('npx', ['capscheduler', 'demo', '--json'], app)) as {
			ok: boolean;
			folder: string;
		};
		await rm(told.folder, { recursive: true, force: true });
		expect(told.ok).toBe(true);
	});

	it('holds a plug-in to its promises: the example, by its own `node --test`', async () => {
		const example = 'capscheduler-fixed-width';
		const plugin = join(app, 'node_modules', example);
		await cp(join(ROOT, 'docs/examples', example), plugin, { recursive: true });
		// as somebody would who wrote one: its text is the package's, the engine stands beside it
		const told = await run('npm', ['test', '--', '--test-reporter=tap'], plugin);
		expect(told).toMatch(/^# pass [1-9]\d*$/m);
		expect(told).toMatch(/^# fail 0$/m);
		expect(told).toContain('format fixed-width keeps the promises of every format');
	}, 120_000);

	it('brings no sources and no tests', async () => {
		const files = await readdir(join(app, 'node_modules', 'capscheduler'), { recursive: true });
		expect(files).toEqual(
			expect.arrayContaining(['README.md', 'LICENSE', join('dist', 'main.js')]),
		);
		expect(files.filter((name) => /(?<!\.d)\.ts$|\.test\.|(?:^|\/)test\//.test(name))).toEqual([]);
	});
});
