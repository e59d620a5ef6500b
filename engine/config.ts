import { BlockList, isIP } from 'node:net';
import { resolve } from 'node:path';

import { nearest } from './contract/nearest.ts';
import { ROLES } from './contract/roles.ts';
import type { Role } from './contract/roles.ts';
import { withoutLogin } from './contract/setting-forms.ts';
import type { LogLevel, StoreSetting } from './contract/setting-forms.ts';
import { PREFIX, SETTINGS, TEST_PREFIX } from './contract/settings.ts';
import type { Setting, SettingName, SettingValues } from './contract/settings.ts';
import type { Duration } from './contract/time.ts';

/** What the engine was told, checked. Paths are absolute. Made only by `loadConfig`. */
export interface Config {
	host: string;
	/** 0: a free one. */
	port: number;
	/** Without a trailing slash; null: the address that it listens on. */
	publicUrl: string | null;
	dataDir: string;
	store: StoreSetting;
	adminKey: string | null;
	/** Their text form, for `parseKeys`; null: a key file in the data folder. */
	keys: string | null;
	retention: { runs: Duration; results: Duration; ledger: Duration; events: Duration };
	egressAllow: string[];
	/** Listening on loopback only and no public URL: loopback targets are allowed. */
	allowLoopback: boolean;
	/** Others can reach the engine: HTTPS only, keys from outside. The opposite of `allowLoopback`. */
	production: boolean;
	/** Tenants that may use the engine's own identity in clouds; `*`: all. */
	cloudIdentity: string[];
	fileRoots: string[];
	sqliteRoots: string[];
	/** Name to absolute path. */
	modules: ReadonlyMap<string, string>;
	/** Names of packages, and absolute paths. */
	plugins: string[];
	roles: readonly Role[];
	concurrency: number;
	tenantWeights: ReadonlyMap<string, number>;
	deliveryConcurrency: number;
	maxResultBytes: number;
	maxBodyBytes: number;
	smallestInterval: Duration;
	/** Requests per minute and key; 0: no limit. */
	rateLimit: number;
	lease: Duration;
	drainWithin: Duration;
	notifyAfter: Duration;
	n8nWebhookWait: Duration;
	log: { level: LogLevel; style: 'pretty' | 'json' };
	fault: string | null;
}

/** What the command line needs to speak to an engine. */
export interface ClientConfig {
	url: string;
	key: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigProblem {
	name: string;
	expected: string;
	/** Shortened; hidden where it may be a secret. */
	received?: string;
}

/** Everything that is wrong with the settings, at once. */
export class ConfigError extends Error {
	readonly problems: readonly ConfigProblem[];

	constructor(problems: readonly ConfigProblem[]) {
		super(problems.map(describeProblem).join('\n'));
		this.name = 'ConfigError';
		this.problems = problems;
	}
}

function describeProblem({ name, expected, received }: ConfigProblem): string {
	return `${name}: expected ${expected}${received === undefined ? '' : `, got ${received}`}`;
}

/**
 * @param options.terminal whether the log goes to a terminal, for its default style
 * @throws ConfigError with every problem
 */
export function loadConfig(
	env: Environment = process.env,
	options: { terminal?: boolean; cwd?: string } = {},
): Config {
	const { values, problems } = readSettings(env);
	const allowLoopback = isLoopback(values.HOST) && values.PUBLIC_URL === null;
	const named = new Set(problems.map(({ name }) => name));
	problems.push(...contradictions(values).filter(({ name }) => !named.has(name)));
	if (problems.length > 0) throw new ConfigError(problems);
	const absolute = (path: string) => resolve(options.cwd ?? process.cwd(), path);
	return {
		host: values.HOST,
		port: values.PORT,
		publicUrl: values.PUBLIC_URL,
		dataDir: absolute(values.DATA_DIR),
		store: values.STORE,
		adminKey: values.ADMIN_KEY,
		keys: values.KEYS,
		retention: {
			runs: values.RETENTION_RUNS,
			results: values.RETENTION_RESULTS,
			ledger: values.RETENTION_LEDGER,
			events: values.RETENTION_EVENTS,
		},
		egressAllow: values.EGRESS_ALLOW,
		allowLoopback,
		production: !allowLoopback,
		cloudIdentity: values.CLOUD_IDENTITY,
		fileRoots: values.FILE_ROOTS.map(absolute),
		sqliteRoots: values.SQLITE_ROOTS.map(absolute),
		modules: new Map(values.MODULES.map(({ name, path }) => [name, absolute(path)])),
		plugins: values.PLUGINS.map((entry) => (/^[./]/.test(entry) ? absolute(entry) : entry)),
		roles: values.ROLES,
		concurrency: values.CONCURRENCY,
		tenantWeights: new Map(values.TENANT_WEIGHTS.map(({ tenant, weight }) => [tenant, weight])),
		deliveryConcurrency: values.DELIVERY_CONCURRENCY,
		maxResultBytes: values.MAX_RESULT_BYTES,
		maxBodyBytes: values.MAX_BODY_BYTES,
		smallestInterval: values.SMALLEST_INTERVAL,
		rateLimit: values.RATE_LIMIT,
		lease: values.LEASE,
		drainWithin: values.DRAIN,
		notifyAfter: values.NOTIFY_AFTER,
		n8nWebhookWait: values.N8N_WEBHOOK_WAIT,
		log: {
			level: values.LOG.level,
			style: values.LOG.style ?? (options.terminal === true ? 'pretty' : 'json'),
		},
		fault: values.FAULT,
	};
}

/** @throws ConfigError */
export function loadClientConfig(env: Environment = process.env): ClientConfig {
	const { values, problems } = readSettings(env);
	if (problems.length > 0) throw new ConfigError(problems);
	return { url: values.URL, key: values.KEY };
}

/** Reads each by itself; a value that is wrong is a problem, and stays what it is by default. */
function readSettings(env: Environment): { values: SettingValues; problems: ConfigProblem[] } {
	const problems = unknownNames(env);
	const values: Partial<Record<SettingName, unknown>> = {};
	for (const name of Object.keys(SETTINGS) as SettingName[]) {
		const { schema, fallback, secret }: Setting<unknown> = SETTINGS[name];
		// an empty variable is how compose files and CI systems say "not set"
		const trimmed = env[PREFIX + name]?.trim();
		const given = trimmed === '' ? undefined : trimmed;
		const read = schema.safeParse(given ?? fallback ?? '');
		if (given !== undefined && !read.success) {
			const expected = read.error.issues[0]?.message ?? 'another value';
			problems.push({ name: PREFIX + name, expected, received: shown(given, secret === true) });
		}
		const usable = given === undefined && fallback === undefined ? null : read.data;
		values[name] = read.success ? usable : fallback === undefined ? null : schema.parse(fallback);
	}
	return { values: values as SettingValues, problems };
}

function shown(value: string, secret: boolean): string {
	if (secret) return `${value.length} characters that are not shown`;
	const safe = withoutLogin(value, '***@');
	return JSON.stringify(safe.length > 80 ? `${safe.slice(0, 77)}...` : safe);
}

function unknownNames(env: Environment): ConfigProblem[] {
	const unknown = Object.keys(env).filter(
		(name) =>
			name.startsWith(PREFIX) &&
			!name.startsWith(TEST_PREFIX) &&
			!Object.hasOwn(SETTINGS, name.slice(PREFIX.length)),
	);
	return unknown.map((name) => {
		const rest = name.slice(PREFIX.length);
		const near = nearest(rest, Object.keys(SETTINGS));
		const hint =
			near === undefined ? 'docs/configuration.md lists them' : `did you mean ${PREFIX}${near}?`;
		return { name, expected: `the name of a setting; ${hint}` };
	});
}

/** What is right by itself but not together. */
function contradictions(values: SettingValues): ConfigProblem[] {
	const problems: ConfigProblem[] = [];
	const loopback = isLoopback(values.HOST);
	const reachable = loopback
		? `CAPSCHEDULER_PUBLIC_URL is set, so others can reach the engine`
		: `CAPSCHEDULER_HOST is ${values.HOST}, so others can reach the engine`;
	if (!(loopback && values.PUBLIC_URL === null) && values.KEYS === null) {
		problems.push({
			name: `${PREFIX}KEYS`,
			expected: `a key-encryption key, because ${reachable}: k1:$(openssl rand -base64 32)`,
		});
	}
	if (
		values.STORE.kind !== 'sqlite' &&
		values.KEYS === null &&
		loopback &&
		values.PUBLIC_URL === null
	) {
		problems.push({
			name: `${PREFIX}KEYS`,
			expected: `a key-encryption key, because engines share the store, and each has to open what the others sealed: k1:$(openssl rand -base64 32)`,
		});
	}
	if (!loopback && values.PUBLIC_URL === null) {
		problems.push({
			name: `${PREFIX}PUBLIC_URL`,
			expected: `the URL for result links and callbacks, because ${reachable}`,
		});
	}
	problems.push(...roleProblems(values));
	problems.push(
		...namedTwice(
			'MODULES',
			values.MODULES.map(({ name }) => name),
		),
		...namedTwice(
			'TENANT_WEIGHTS',
			values.TENANT_WEIGHTS.map(({ tenant }) => tenant),
		),
	);
	return problems;
}

function namedTwice(setting: SettingName, names: readonly string[]): ConfigProblem[] {
	const twice = names.find((name, index) => names.indexOf(name) !== index);
	if (twice === undefined) return [];
	return [{ name: PREFIX + setting, expected: 'each name once', received: `"${twice}" twice` }];
}

function roleProblems({
	ROLES: roles,
	STORE: store,
	PUBLIC_URL: publicUrl,
}: SettingValues): ConfigProblem[] {
	if (roles.length === ROLES.length) return [];
	if (store.kind === 'sqlite') {
		return [
			{
				name: `${PREFIX}ROLES`,
				expected: 'all of them, because no other engine can share the store sqlite',
				received: JSON.stringify(roles.join(',')),
			},
		];
	}
	if (roles.includes('api') || publicUrl !== null) return [];
	return [
		{
			name: `${PREFIX}PUBLIC_URL`,
			expected: `the URL of engines with the role api, for result links and callbacks, because this one is to be ${roles.join(' and ')} only`,
		},
	];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

export function isLoopback(host: string): boolean {
	if (host.toLowerCase() === 'localhost') return true;
	const family = isIP(host);
	return family !== 0 && LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
