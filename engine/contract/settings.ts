import type { z } from 'zod';

import {
	duration,
	integer,
	list,
	readApiKey,
	readEgress,
	readFault,
	readHost,
	readKeys,
	readLog,
	readModule,
	readPath,
	readPlugin,
	readPublicUrl,
	readRoles,
	readStore,
	readWeight,
	size,
	text,
} from './setting-forms.ts';

/*
 * The settings: what an operator may say, each as an environment variable `CAPSCHEDULER_<name>`. This table is
 * their only source; docs/configuration.md is generated from it. Schemas read text; their error says what was
 * expected, so that a message can read `CAPSCHEDULER_PORT: expected a port from 0 to 65535, got "abc"`.
 */

export const PREFIX = 'CAPSCHEDULER_';

export interface Setting<T> {
	schema: z.ZodType<T, string>;
	/** What it is when it is not set, in the text form; undefined: nothing. */
	fallback?: string;
	/** For people: the form, as the table shows it. */
	form: string;
	/** For people: what it does, in Markdown. Where `fallback` is undefined, it says what happens then. */
	meaning: string;
	/** The heading under which the table shows it. */
	group:
		| 'Where it listens'
		| 'What it keeps'
		| 'What it may reach'
		| 'How much it does'
		| 'Logs and tests'
		| 'Command line';
	/** Never shown, not even when it is wrong. */
	secret?: true;
}

type WithFallback<T> = Setting<T> & { fallback: string };

/** Two functions, so that the type says whether there is always a value. */
const setting = <T>(entry: WithFallback<T>): WithFallback<T> => entry;
const optional = <T>(entry: Omit<Setting<T>, 'fallback'>): Setting<T> => entry;

const DAY = 86_400_000;

export const SETTINGS = {
	HOST: setting({
		group: 'Where it listens',
		form: 'host name or address',
		fallback: '127.0.0.1',
		meaning:
			'The address to listen on. Anything but loopback demands `CAPSCHEDULER_KEYS` and `CAPSCHEDULER_PUBLIC_URL`, and brings the full rules of the egress guard.',
		schema: text('a host name or an IP address', readHost),
	}),
	PORT: setting({
		group: 'Where it listens',
		form: 'port',
		fallback: '7070',
		meaning: 'The port to listen on; `0` takes a free one and prints it.',
		schema: integer(0, 65_535, 'a port'),
	}),
	PUBLIC_URL: optional({
		group: 'Where it listens',
		form: 'URL',
		meaning:
			'Where clients reach the engine, used in result links and callbacks (never taken from a request). Not set: the address that it listens on. Setting it tells that others can reach the engine: then `CAPSCHEDULER_KEYS` is needed and loopback targets are refused.',
		schema: text('an http or https URL without user, query and fragment', readPublicUrl),
	}),
	DATA_DIR: setting({
		group: 'What it keeps',
		form: 'folder',
		fallback: './data',
		meaning:
			'The folder of the database, of results and of the key file; made when missing, for its owner only.',
		schema: text('a path', readPath),
	}),
	STORE: setting({
		group: 'What it keeps',
		form: '`sqlite`, `postgres://…`, `mongodb://…`',
		fallback: 'sqlite',
		secret: true,
		meaning:
			'The store. `sqlite` is embedded in the engine and lies in the data folder. `postgres://user:password@host:port/database` is a PostgreSQL (14 or later) that any number of engines share; `?schema=` names the schema, `capscheduler` by default, and `CAPSCHEDULER_KEYS` is needed, the same for all. `mongodb://user:password@host:port,…/database?options` (or `mongodb+srv://`) is a MongoDB (5.0 or later, a replica set or a sharded cluster) that they share in the same way; the database is `capscheduler` by default. See clusters.md and clusters-mongodb.md.',
		schema: text(
			'"sqlite", "postgres://user:password@host:port/database" or "mongodb://user:password@host:port/database"',
			readStore,
		),
	}),
	ADMIN_KEY: optional({
		group: 'What it keeps',
		form: '`csk_…`',
		secret: true,
		meaning:
			'An admin key, given from outside instead of a printed one: the start makes it valid unless the store knows it already. Not set: the first start makes a key and prints it, once. `capscheduler keys generate` makes one for here.',
		schema: text('an API key (csk_…)', readApiKey),
	}),
	KEYS: optional({
		group: 'What it keeps',
		form: '`kid:base64,…`',
		secret: true,
		meaning:
			'Key-encryption keys for secrets at rest: a name and 32 bytes in base64 each. The first seals; all open, so put a new one in front to rotate. Not set: a key file beside the data, mode 0600; refused once others can reach the engine.',
		schema: text(
			'"<name>:<32 bytes in base64>", several separated by commas, each name once',
			readKeys,
		),
	}),
	RETENTION_RUNS: setting({
		group: 'What it keeps',
		form: 'duration',
		fallback: '90d',
		meaning: 'How long runs that ended are kept, with attempts, deliveries and notifications.',
		schema: duration(3_600_000, 3650 * DAY, 'from 1h to 3650d'),
	}),
	RETENTION_RESULTS: setting({
		group: 'What it keeps',
		form: 'duration',
		fallback: '30d',
		meaning: 'How long results and the files made of them are kept.',
		schema: duration(3_600_000, 3650 * DAY, 'from 1h to 3650d'),
	}),
	RETENTION_LEDGER: setting({
		group: 'What it keeps',
		form: 'duration',
		fallback: '400d',
		meaning: 'How long the ledger of occurrences is kept.',
		schema: duration(DAY, 3650 * DAY, 'from 1d to 3650d'),
	}),
	RETENTION_EVENTS: setting({
		group: 'What it keeps',
		form: 'duration',
		fallback: '30d',
		meaning: 'How long events are kept; a reader of `/v1/events` can resume that far back.',
		schema: duration(3_600_000, 3650 * DAY, 'from 1h to 3650d'),
	}),
	EGRESS_ALLOW: setting({
		group: 'What it may reach',
		form: 'hosts, `host:port`, CIDRs, by comma',
		fallback: '',
		meaning:
			'Targets that the egress guard lets through although they are private: `10.20.0.0/16,crm.internal:8443`. Everything public is allowed anyway.',
		schema: list('hosts, host:port pairs or CIDRs, separated by commas', readEgress),
	}),
	CLOUD_IDENTITY: setting({
		group: 'What it may reach',
		form: 'tenants by comma, or `*`',
		fallback: '',
		meaning:
			'Tenants whose `s3` destinations may have no keys of their own and then use what the SDK finds around the engine: environment, profile, instance role. None: every destination has its own.',
		schema: list('names of tenants, separated by commas, or "*"', (entry) =>
			/^(?:\*|[a-z0-9][a-z0-9._-]{0,62})$/i.test(entry) ? entry : undefined,
		),
	}),
	FILE_ROOTS: setting({
		group: 'What it may reach',
		form: 'folders, by comma',
		fallback: '',
		meaning:
			'Folders that the `file` channel may write into. None: the channel refuses every target.',
		schema: list('folders, separated by commas', (entry) => entry),
	}),
	SQLITE_ROOTS: setting({
		group: 'What it may reach',
		form: 'folders, by comma',
		fallback: '',
		meaning: 'Folders whose SQLite files `sql` bindings may read. None: no SQLite file is opened.',
		schema: list('folders, separated by commas', (entry) => entry),
	}),
	MODULES: setting({
		group: 'What it may reach',
		form: '`name=path,…`',
		fallback: '',
		meaning:
			"Local modules that `module` bindings may name: `reports=./reports.mjs`. A module is the operator's own code and runs in a worker thread.",
		schema: list('"<name>=<path>" pairs, separated by commas', readModule),
	}),
	PLUGINS: setting({
		group: 'What it may reach',
		form: 'packages, separated by commas',
		fallback: '',
		meaning:
			'Packages that bring formats, channels or bindings: names as npm knows them, or paths of modules (`./fixed-width.mjs`). A plug-in is the operator’s own code and runs in the engine; one that cannot be loaded stops the start. See docs/plugins.md.',
		schema: list('names of packages or paths, separated by commas', readPlugin),
	}),
	ROLES: setting({
		group: 'How much it does',
		form: '`api`, `scheduler`, `worker`, by comma, or `all`',
		fallback: 'all',
		meaning:
			'What this engine does where several share a store: `api` answers the REST API and runs nothing, `scheduler` decides what is due and takes over what was lost, `worker` carries out runs and deliveries. Without `api` only `/healthz`, `/readyz` and `/metrics` are answered, and `CAPSCHEDULER_PUBLIC_URL` names those that have it. Each role needs at least one engine. With the embedded store, which nobody shares, it can only be `all`. See clusters.md.',
		schema: text('"all", or some of api, scheduler and worker, separated by commas', readRoles),
	}),
	CONCURRENCY: setting({
		group: 'How much it does',
		form: 'number',
		fallback: '256',
		meaning: 'Runs in flight at most.',
		schema: integer(1, 10_000),
	}),
	TENANT_WEIGHTS: setting({
		group: 'How much it does',
		form: '`tenant=weight`, by comma',
		fallback: '',
		meaning:
			'The shares of tenants when more runs are ready than can be carried out: `acme=3,beta=0.5`; who is not named has 1. A tenant uses what others leave; within a tenant priorities decide. The same for all engines that share a store.',
		schema: list('"<tenant>=<weight from 0.01 to 1000>" pairs, separated by commas', readWeight),
	}),
	DELIVERY_CONCURRENCY: setting({
		group: 'How much it does',
		form: 'number',
		fallback: '64',
		meaning: 'Deliveries in flight at most, and notifications likewise.',
		schema: integer(1, 10_000),
	}),
	MAX_RESULT_BYTES: setting({
		group: 'How much it does',
		form: 'size',
		fallback: '2GB',
		meaning: 'The largest result of a run; beyond it the run fails with `RESULT_TOO_LARGE`.',
		schema: size(1000, 1e12, 'from 1KB to 1000GB'),
	}),
	MAX_BODY_BYTES: setting({
		group: 'How much it does',
		form: 'size',
		fallback: '1MB',
		meaning: 'The largest JSON body of an API request, counted after decompression; beyond it 413.',
		schema: size(1000, 1e8, 'from 1KB to 100MB'),
	}),
	SMALLEST_INTERVAL: setting({
		group: 'How much it does',
		form: 'duration',
		fallback: '2s',
		meaning: 'Schedules that are due more often are refused, such as `* * * * * *`.',
		schema: duration(1, DAY, 'from 1ms to 1d'),
	}),
	RATE_LIMIT: setting({
		group: 'How much it does',
		form: 'number',
		fallback: '60000',
		meaning: 'API requests per minute and key; beyond it 429. `0`: no limit.',
		schema: integer(0, 100_000_000),
	}),
	LEASE: setting({
		group: 'How much it does',
		form: 'duration',
		fallback: '30s',
		meaning:
			'How long a claim holds without being renewed (it is renewed three times as often). After a crash, work goes on at the latest this much later.',
		schema: duration(1000, 3_600_000, 'from 1s to 1h'),
	}),
	DRAIN: setting({
		group: 'How much it does',
		form: 'duration',
		fallback: '20s',
		meaning: 'How long SIGTERM waits for what is running before it aborts it.',
		schema: duration(0, 3_600_000, 'up to 1h'),
	}),
	NOTIFY_AFTER: setting({
		group: 'How much it does',
		form: 'duration',
		fallback: '5m',
		meaning:
			'How long a notification waits for deliveries that are still being tried, so that it can tell how they ended.',
		schema: duration(0, DAY, 'up to 1d'),
	}),
	N8N_WEBHOOK_WAIT: setting({
		group: 'How much it does',
		form: 'duration',
		fallback: '3m',
		meaning:
			'How long a run asks again for a webhook that n8n does not know: it is away for a moment whenever a workflow is published, and while n8n starts. Then the workflow counts as unpublished, and its schedule is paused (`webhook_missing`).',
		schema: duration(0, DAY, 'up to 1d'),
	}),
	LOG: setting({
		group: 'Logs and tests',
		form: '`level[:style]`',
		fallback: 'info',
		meaning:
			'The least level to log (`debug`, `info`, `warn`, `error`, `silent`) and the style (`pretty`, `json`): `debug`, `info:json`. Without a style: `pretty` on a terminal, else `json`. Logs go to standard error.',
		schema: text(
			'debug, info, warn, error or silent, and then :pretty or :json if you like',
			readLog,
		),
	}),
	FAULT: optional({
		group: 'Logs and tests',
		form: '`point:n:action,…`',
		meaning:
			'For tests only: kills, hangs or throws at the n-th pass of a named point (`kill`, `hang`, `throw`).',
		schema: text('"<point>:<n>:kill|hang|throw", several separated by commas', readFault),
	}),
	URL: setting({
		group: 'Command line',
		form: 'URL',
		fallback: 'http://127.0.0.1:7070',
		meaning: 'The engine that the commands speak to; `--url` goes before it.',
		schema: text('an http or https URL without user, query and fragment', readPublicUrl),
	}),
	KEY: optional({
		group: 'Command line',
		form: '`csk_…`',
		secret: true,
		meaning:
			'The API key that the commands use; `--key` goes before it, but is seen by others on the machine.',
		schema: text('an API key (csk_…)', readApiKey),
	}),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends { schema: z.ZodType<infer T>; fallback: string }
	? T
	: S extends { schema: z.ZodType<infer T> }
		? T | null
		: never;

/** Every setting's value, by its short name. */
export type SettingValues = { -readonly [N in SettingName]: ValueOf<(typeof SETTINGS)[N]> };

/** Variables with this prefix belong to the tests and are no settings. */
export const TEST_PREFIX = `${PREFIX}TEST_`;
