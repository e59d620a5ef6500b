import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ConfigError, loadClientConfig, loadConfig } from '../../engine/config.ts';
import type { ConfigProblem, Environment } from '../../engine/config.ts';
import { SETTINGS } from '../../engine/contract/settings.ts';
import type { Setting } from '../../engine/contract/settings.ts';

const KEY = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

function problemsOf(env: Environment): readonly ConfigProblem[] {
	try {
		loadConfig(env);
	} catch (error) {
		if (error instanceof ConfigError) return error.problems;
		throw error;
	}
	return [];
}

describe('the configuration', () => {
	it('needs no variable at all', () => {
		const config = loadConfig({}, { cwd: '/srv' });
		expect(config).toMatchObject({
			host: '127.0.0.1',
			port: 7070,
			dataDir: '/srv/data',
			publicUrl: null,
			allowLoopback: true,
			production: false,
			maxResultBytes: 2e9,
			lease: 30_000,
			log: { level: 'info', style: 'json' },
		});
	});

	it.each(['ftp://ada:pass@host/', 'http://ada:pa/ss@host/', 'http://ada:p@ss@host:x/'])(
		'shows no login of an URL that is wrong: %s',
		(url) => {
			expect(problemsOf({ CAPSCHEDULER_PUBLIC_URL: url })).toEqual([
				expect.objectContaining({ received: expect.stringMatching(/^"\w+:\/\/\*{3}@host/) }),
			]);
		},
	);

	it('reads every form of value', () => {
		const config = loadConfig(
			{
				CAPSCHEDULER_HOST: '0.0.0.0',
				CAPSCHEDULER_PORT: '0',
				CAPSCHEDULER_PUBLIC_URL: 'https://caps.example.org/engine/',
				CAPSCHEDULER_KEYS: KEY,
				CAPSCHEDULER_FILE_ROOTS: 'out, /var/out,',
				CAPSCHEDULER_MODULES: 'reports=./reports.mjs',
				CAPSCHEDULER_MAX_BODY_BYTES: '500KB',
				CAPSCHEDULER_DRAIN: '1m30s',
				CAPSCHEDULER_LOG: 'debug:pretty',
			},
			{ cwd: '/srv' },
		);
		expect(config).toMatchObject({
			port: 0,
			publicUrl: 'https://caps.example.org/engine',
			keys: KEY,
			fileRoots: ['/srv/out', '/var/out'],
			maxBodyBytes: 500_000,
			drainWithin: 90_000,
			log: { level: 'debug', style: 'pretty' },
			allowLoopback: false,
			production: true,
		});
		expect([...config.modules]).toEqual([['reports', '/srv/reports.mjs']]);
	});

	it('takes an empty variable as one that is not set', () => {
		expect(loadConfig({ CAPSCHEDULER_PORT: '', CAPSCHEDULER_KEYS: '  ' })).toMatchObject({
			port: 7070,
			keys: null,
		});
	});

	it('logs for people on a terminal and for programs elsewhere', () => {
		expect(loadConfig({}, { terminal: true }).log.style).toBe('pretty');
		expect(loadConfig({ CAPSCHEDULER_LOG: 'warn:json' }, { terminal: true }).log).toEqual({
			level: 'warn',
			style: 'json',
		});
	});

	it.each([
		['CAPSCHEDULER_PROT', 'CAPSCHEDULER_PORT'],
		['CAPSCHEDULER_DATADIR', 'CAPSCHEDULER_DATA_DIR'],
		['CAPSCHEDULER_egress_alow', 'CAPSCHEDULER_EGRESS_ALLOW'],
	])('answers %s with the nearest name', (wrong, nearest) => {
		expect(problemsOf({ [wrong]: 'x' })).toEqual([
			{ name: wrong, expected: `the name of a setting; did you mean ${nearest}?` },
		]);
	});

	const SHARED = {
		CAPSCHEDULER_STORE: 'postgres://u:hunter2@h/db',
		CAPSCHEDULER_KEYS: KEY,
		CAPSCHEDULER_PUBLIC_URL: 'https://caps.example.org',
	};

	it.each([
		['all', ['api', 'scheduler', 'worker']],
		['worker', ['worker']],
		[' worker , api,worker', ['api', 'worker']],
	])('reads the roles "%s"', (text, roles) => {
		expect(loadConfig({ ...SHARED, CAPSCHEDULER_ROLES: text }).roles).toEqual(roles);
	});

	it.each(['workers', 'all,api', ',', 'api;worker'])('refuses the roles "%s"', (text) => {
		expect(problemsOf({ ...SHARED, CAPSCHEDULER_ROLES: text })).toEqual([
			{
				name: 'CAPSCHEDULER_ROLES',
				expected: '"all", or some of api, scheduler and worker, separated by commas',
				received: JSON.stringify(text),
			},
		]);
	});

	it('wants all roles of an engine whose store no other can share', () => {
		expect(problemsOf({ CAPSCHEDULER_ROLES: 'api,worker' })).toMatchObject([
			{ name: 'CAPSCHEDULER_ROLES', received: '"api,worker"' },
		]);
	});

	it('wants to know where the API is when it is elsewhere', () => {
		const { CAPSCHEDULER_PUBLIC_URL: _, ...without } = SHARED;
		expect(problemsOf({ ...without, CAPSCHEDULER_ROLES: 'worker' })).toMatchObject([
			{ name: 'CAPSCHEDULER_PUBLIC_URL' },
		]);
	});

	it('takes a store that engines share with keys that they share, and shows nothing of its URL', () => {
		const store = 'postgres://u:hunter2@h/db';
		const keys = `k1:${Buffer.alloc(32).toString('base64')}`;
		expect(loadConfig({ CAPSCHEDULER_STORE: store, CAPSCHEDULER_KEYS: keys }).store).toEqual({
			kind: 'postgres',
			url: store,
		});
		expect(problemsOf({ CAPSCHEDULER_STORE: store })).toMatchObject([
			{ name: 'CAPSCHEDULER_KEYS' },
		]);
		const cluster = 'mongodb://u:hunter2@a:27017,b:27017/cap?replicaSet=rs0';
		expect(loadConfig({ CAPSCHEDULER_STORE: cluster, CAPSCHEDULER_KEYS: keys }).store).toEqual({
			kind: 'mongodb',
			url: cluster,
		});
		const wrong = problemsOf({
			CAPSCHEDULER_STORE: 'mysql://u:hunter2@h/db',
			CAPSCHEDULER_KEYS: keys,
		});
		expect(wrong).toMatchObject([{ name: 'CAPSCHEDULER_STORE' }]);
		expect(JSON.stringify(wrong)).not.toContain('hunter2');
	});

	it('tells everything that is wrong at once', () => {
		const names = problemsOf({
			CAPSCHEDULER_PORT: '70707',
			CAPSCHEDULER_LEASE: 'soon',
			CAPSCHEDULER_LOG: 'loud',
			CAPSCHEDULER_SPEED: '9',
			CAPSCHEDULER_HOST: '0.0.0.0',
		}).map(({ name }) => name);
		expect(names.toSorted()).toEqual([
			'CAPSCHEDULER_KEYS',
			'CAPSCHEDULER_LEASE',
			'CAPSCHEDULER_LOG',
			'CAPSCHEDULER_PORT',
			'CAPSCHEDULER_PUBLIC_URL',
			'CAPSCHEDULER_SPEED',
		]);
	});

	it('never shows a secret, however wrong it is', () => {
		const canary = 'canary-5f1d';
		const secrets = Object.entries<Setting<unknown>>(SETTINGS).filter(([, { secret }]) => secret);
		expect(secrets.map(([name]) => name)).toEqual(['STORE', 'ADMIN_KEY', 'KEYS', 'KEY']);
		for (const [name] of secrets) {
			const problems = problemsOf({ [`CAPSCHEDULER_${name}`]: canary });
			expect(problems).toHaveLength(1);
			expect(JSON.stringify(problems)).not.toContain(canary);
		}
	});

	it.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost'])('%s is this machine', (host) => {
		expect(loadConfig({ CAPSCHEDULER_HOST: host }).allowLoopback).toBe(true);
	});

	it.each([
		[{ CAPSCHEDULER_HOST: '0.0.0.0' }, ['CAPSCHEDULER_KEYS', 'CAPSCHEDULER_PUBLIC_URL']],
		[{ CAPSCHEDULER_HOST: '::' }, ['CAPSCHEDULER_KEYS', 'CAPSCHEDULER_PUBLIC_URL']],
		[{ CAPSCHEDULER_HOST: '128.0.0.1', CAPSCHEDULER_KEYS: KEY }, ['CAPSCHEDULER_PUBLIC_URL']],
		[{ CAPSCHEDULER_PUBLIC_URL: 'https://caps.example.org' }, ['CAPSCHEDULER_KEYS']],
	])('demands keys and a public URL once others can reach it: %j', (env, names) => {
		expect(problemsOf(env).map(({ name }) => name)).toEqual(names);
	});

	it.each([
		['CAPSCHEDULER_PUBLIC_URL', 'ftp://example.org'],
		['CAPSCHEDULER_PUBLIC_URL', 'https://me:pw@example.org'],
		['CAPSCHEDULER_PUBLIC_URL', 'https://example.org/?x=1'],
		['CAPSCHEDULER_MODULES', '../../etc/passwd'],
		['CAPSCHEDULER_MODULES', 'a=./a.mjs,a=./b.mjs'],
		['CAPSCHEDULER_KEYS', 'k1:c2hvcnQ='],
		['CAPSCHEDULER_FAULT', 'somewhere'],
		['CAPSCHEDULER_MAX_RESULT_BYTES', '-1'],
		['CAPSCHEDULER_CONCURRENCY', '1e3'],
		['CAPSCHEDULER_EGRESS_ALLOW', 'http://a b'],
	])('refuses %s=%s', (name, value) => {
		expect(
			problemsOf({ CAPSCHEDULER_KEYS: KEY, [name]: value }).map((problem) => problem.name),
		).toEqual([name]);
	});

	it('leaves the variables of tests and of others alone', () => {
		expect(
			problemsOf({ CAPSCHEDULER_TEST_CACHE: '/tmp', PATH: '/bin', capscheduler_port: 'x' }),
		).toEqual([]);
	});

	it('never fails in any other way', () => {
		const names = Object.keys(SETTINGS).map((name) => `CAPSCHEDULER_${name}`);
		fc.assert(
			fc.property(fc.dictionary(fc.constantFrom(...names), fc.string()), (env) => {
				problemsOf(env);
			}),
		);
	});
});

describe('the configuration of the command line', () => {
	it('is the engine on this machine by default', () => {
		expect(loadClientConfig({})).toEqual({ url: 'http://127.0.0.1:7070', key: null });
	});
});
