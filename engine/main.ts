import { hostname } from 'node:os';

import { z } from 'zod';

import { createMaintenance } from './agenda/maintenance.ts';
import { createCalendarSources } from './calendars/sources.ts';
import type { Channel } from './channels/channel.port.ts';
import { createAzureBlobChannel } from './channels/azure-blob/index.ts';
import { createChatChannel } from './channels/chat/index.ts';
import { createDatabaseChannel } from './channels/database/index.ts';
import { createEmailChannel } from './channels/email/index.ts';
import { createFileChannel } from './channels/file/index.ts';
import { createGcsChannel } from './channels/gcs/index.ts';
import { createKafkaChannel } from './channels/kafka/index.ts';
import { createFtpChannel } from './channels/ftp/index.ts';
import { createN8nChannel } from './channels/n8n/index.ts';
import { createChannelRegistry } from './channels/registry.ts';
import { createS3Channel } from './channels/s3/index.ts';
import { createSftpChannel } from './channels/sftp/index.ts';
import { createWebdavChannel } from './channels/webdav/index.ts';
import { createWebhookChannel } from './channels/webhook/index.ts';
import { createPostSigned } from './channels/webhook/post-signed.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { CapError } from './contract/errors.ts';
import { createFaults } from './faults.ts';
import type { Format } from './formats/format.port.ts';
import * as formatKit from './formats/kit.ts';
import { createPackagingRegistry } from './formats/packaging/index.ts';
import { createFormatRegistry } from './formats/registry.ts';
import { createRowReader, findTables } from './formats/rows/index.ts';
import { createApp } from './http/app.ts';
import type { RunningServer } from './http/server.ts';
import { startServer } from './http/server.ts';
import { createIds } from './ids.ts';
import { createLog } from './observe/log.ts';
import { createMetrics } from './observe/metrics.ts';
import { allEnded } from './pipeline/all-ended.ts';
import { extendCalendars } from './pipeline/calendars.ts';
import type { Context } from './pipeline/context.ts';
import type { EngineRegistry } from './pipeline/engines.ts';
import { createEngineRegistry } from './pipeline/engines.ts';
import { ensureFirstKey } from './pipeline/first-key.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import { createCircuitAlerts } from './pipeline/alerts.ts';
import { createPlaces } from './pipeline/places.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import { prune } from './pipeline/retention.ts';
import { admitEngine } from './pipeline/standing.ts';
import { createWake, heedSignal } from './pipeline/wake.ts';
import { loadPlugins } from './plugins/load.ts';
import { createEgress } from './security/egress.ts';
import { loadKeys } from './security/key-file.ts';
import { deriveKeys, fingerprintsOf } from './security/keys.ts';
import { createSealing } from './security/sealing.ts';
import { createSigner } from './security/standard-webhooks.ts';
import { createTokens } from './security/tokens.ts';
import { readAnswer, readUpload } from './sessions/http/result.ts';
import { createHttpSession } from './sessions/http/http-session.ts';
import { createModuleSession } from './sessions/module/module-session.ts';
import { createN8nSession } from './sessions/n8n/n8n-session.ts';
import { createSessionRegistry } from './sessions/registry.ts';
import type { SessionAdapter } from './sessions/session.port.ts';
import { createSqlSession } from './sessions/sql/sql-session.ts';
import { createStore } from './stores/create-store.ts';
import type { ChosenStore, Signal } from './stores/create-store.ts';
import { makeFolder } from './stores/sqlite/open.ts';
import { VERSION } from './version.ts';

/*
 * The composition root: the only file that knows every part.
 */

export type { Plugin, PluginFactory, PluginHost } from './plugins/plugin.port.ts';

export interface Engine {
	context: Context;
	/** Where it listens; known after `start`. */
	readonly url: string;
	/** The first admin key, in clear text, when `start` made one: it is shown this once. */
	readonly firstKey: string | null;
	start(): Promise<void>;
	/** Not ready, take up nothing more, wait, break off, give back, close. */
	stop(reason?: string): Promise<void>;
}

/** What tests replace. */
export interface EngineParts {
	clock?: Clock;
	/** Takes the lines of the log; default: standard error. */
	writeLog?: (line: string) => void;
	/** Further formats, beside those of the engine. */
	formats?: readonly Format[];
	/** Further channels, beside those of the engine. */
	channels?: readonly Channel[];
	/** Further bindings, beside those of the engine. */
	sessions?: readonly SessionAdapter[];
	/** The version of the time zone data; default that of Node. */
	zoneData?: string;
}

export async function createEngine(config: Config, parts: EngineParts = {}): Promise<Engine> {
	try {
		makeFolder(config.dataDir);
	} catch (error) {
		const message = `data folder ${config.dataDir}: ${(error as Error).message}`;
		throw new CapError('STORAGE_UNAVAILABLE', message, { cause: error });
	}
	return new RunningEngine(config, await compose(config, parts));
}

interface Composition {
	/** Resolves when the alerts of circuits that were raised are kept. */
	alertsKept(this: void): Promise<void>;
	context: Context;
	ring: ReturnType<typeof fingerprintsOf>;
	setUrl: (url: string) => void;
	chosen: ChosenStore;
	metrics: ReturnType<typeof createMetrics>;
}

async function compose(config: Config, parts: EngineParts): Promise<Composition> {
	const machineClock = parts.clock ?? systemClock;
	const log = createLog({
		...config.log,
		clock: machineClock,
		...(parts.writeLog === undefined ? {} : { write: parts.writeLog }),
	});
	const metrics = createMetrics({ version: VERSION });
	const faults = createFaults(config.fault ?? undefined);
	const keys = await loadKeys(config);
	const tokens = createTokens(deriveKeys(keys));
	const signer = createSigner();
	const egress = createEgress({
		allow: config.egressAllow,
		allowLoopback: config.allowLoopback,
		httpsOnly: config.production,
	});
	let heed: (signal: Signal) => void = () => undefined;
	const chosen = await createStore({
		setting: config.store,
		folder: config.dataDir,
		clock: machineClock,
		clockIsGiven: parts.clock !== undefined,
		faults,
		onFault: ({ where, id, error }) => {
			metrics.count('capscheduler_faults_total', { where });
			log.error(`${where} failed`, { id, error: error instanceof Error ? error : undefined });
		},
		onSignal: (signal) => {
			heed(signal);
		},
	});
	const { store, clock } = chosen;
	const newId = createIds(clock);
	const engineId = newId('engine');
	const outgoing = { egress, signer, clock };
	const httpSession = createHttpSession({ ...outgoing, userAgent: `CapScheduler/${VERSION}` });
	const plugged = await loadPlugins(config.plugins, { z, clock, egress, formats: formatKit });
	let url = config.publicUrl ?? '';
	const withoutPlaces: Omit<Context, 'places'> = {
		engineId,
		store,
		clock,
		newId,
		zoneData: parts.zoneData ?? process.versions['tz'] ?? '',
		calendars: createCalendarSources(),
		formats: createFormatRegistry([...(parts.formats ?? []), ...plugged.formats]),
		readRows: createRowReader,
		findTables,
		packagings: createPackagingRegistry(),
		channels: createChannelRegistry([
			createWebhookChannel(outgoing),
			createFileChannel({ roots: config.fileRoots, clock }),
			createFtpChannel({ egress, clock }),
			createSftpChannel({ egress, clock }),
			createWebdavChannel({ egress, clock }),
			createS3Channel({ egress, clock, identityFor: config.cloudIdentity }),
			createAzureBlobChannel({ egress, clock }),
			createGcsChannel({ egress, clock }),
			createEmailChannel({ egress, clock }),
			createKafkaChannel({ egress, clock }),
			createDatabaseChannel({ egress, clock }),
			createChatChannel({ egress, clock }),
			createN8nChannel({ egress, clock }),
			...(parts.channels ?? []),
			...plugged.channels,
		]),
		sessions: createSessionRegistry([
			httpSession,
			createN8nSession(httpSession, { webhookWait: config.n8nWebhookWait }),
			createSqlSession({ egress, sqliteRoots: config.sqliteRoots, clock }),
			createModuleSession({ modules: Object.fromEntries(config.modules), clock }),
			...(parts.sessions ?? []),
			...plugged.sessions,
		]),
		readAnswer,
		readUpload,
		egress,
		sealing: createSealing({ keys }),
		signer,
		tokens,
		postSigned: createPostSigned(outgoing),
		metrics,
		log,
		faults,
		wake: createWake(),
		peers: { workers: 1 },
		settings: {
			publicUrl: () => url,
			smallestInterval: config.smallestInterval,
			maxResultBytes: config.maxResultBytes,
			roles: config.roles,
			concurrency: config.concurrency,
			tenantWeights: config.tenantWeights,
			deliveryConcurrency: config.deliveryConcurrency,
			lease: config.lease,
			notifyAfter: config.notifyAfter,
			drainWithin: config.drainWithin,
		},
	};
	const circuits = createCircuitAlerts(() => context);
	const places = createPlaces(withoutPlaces, circuits.onCircuit);
	const context: Context = { ...withoutPlaces, places };
	const setUrl = (listening: string): void => void (url = config.publicUrl ?? listening);
	heed = (signal) => {
		heedSignal(context.wake, signal);
	};
	const ring = fingerprintsOf(keys);
	return { context, ring, setUrl, chosen, metrics, alertsKept: circuits.kept };
}

class RunningEngine implements Engine {
	readonly context: Context;
	readonly #config: Config;
	readonly #parts: Composition;
	readonly #pipeline: Pipeline;
	readonly #maintenance: ReturnType<typeof createMaintenance>;
	readonly #registry: EngineRegistry;
	#server: RunningServer | null = null;
	#firstKey: string | null = null;
	#checked: { at: number; done: Promise<void> } | null = null;
	#stopping: Promise<void> | null = null;
	#state: 'new' | 'ready' | 'draining' | 'stopped' = 'new';

	constructor(config: Config, parts: Composition) {
		this.context = parts.context;
		this.#config = config;
		this.#parts = parts;
		this.#pipeline = createPipeline(parts.context);
		this.#registry = createEngineRegistry(parts.context, () => ({
			version: VERSION,
			roles: this.#config.roles,
			host: hostname(),
			pid: process.pid,
			url: this.url,
			clockAhead: parts.chosen.clockAhead(),
			inFlight: this.#pipeline.inFlight,
			keys: parts.ring.known,
		}));
		this.#maintenance = createMaintenance({
			backend: parts.chosen.agenda,
			jobs: {
				sweep: async () => {
					await this.#pipeline.sweep();
				},
				retention: async () => {
					await prune(parts.context, config.retention);
					await extendCalendars(parts.context);
				},
			},
			onError: (error, job) => {
				const { log, metrics } = parts.context;
				metrics.count('capscheduler_faults_total', { where: job ?? 'agenda' });
				log.error(`${job ?? 'agenda'} failed`, {
					error: error instanceof Error ? error : undefined,
				});
			},
		});
	}

	get url(): string {
		return this.#server?.url ?? '';
	}

	get firstKey(): string | null {
		return this.#firstKey;
	}

	async start(): Promise<void> {
		try {
			await this.#start();
		} catch (error) {
			// Nothing may keep running, or keep the process, of an engine that did not start.
			await this.stop('it could not start').catch(() => undefined);
			throw error;
		}
	}

	async #start(): Promise<void> {
		const { context, ring, setUrl, metrics } = this.#parts;
		await context.store.open();
		const { host, port, roles } = this.#config;
		await admitEngine(context, ring);
		const app = createApp(context, {
			version: VERSION,
			roles,
			rateLimit: { perMinute: this.#config.rateLimit, failuresPerMinute: FAILURES_PER_MINUTE },
			maxBodyBytes: this.#config.maxBodyBytes,
			ready: async () => this.#ready(),
			draining: () => this.#state === 'draining' || this.#state === 'stopped',
		});
		this.#server = await startServer(app, { host, port });
		setUrl(this.#server.url);
		// Not before it listens: a start that fails there would have made a key that nobody gets to see.
		if (roles.includes('api')) {
			this.#firstKey = await ensureFirstKey(context, this.#config.adminKey);
		}
		metrics.gauge('capscheduler_runs_in_flight', () => this.#pipeline.inFlight.runs);
		metrics.gauge('capscheduler_circuits_open', () => context.places.open);
		metrics.gauge('capscheduler_timers', async () => (await context.store.counts()).timers);
		await this.#registry.start();
		// Once more: a migration that began meanwhile has seen this engine, or is seen by it.
		await admitEngine(context, ring);
		await this.#pipeline.start();
		if (roles.includes('scheduler')) await this.#maintenance.start();
		this.#state = 'ready';
		context.log.info('engine started', {
			engine: context.engineId,
			url: this.#server.url,
			roles: roles.join(),
		});
	}

	async stop(reason = 'asked to'): Promise<void> {
		this.#stopping ??= this.#stop(reason);
		await this.#stopping;
	}

	/** Every step is taken, also after one that failed; the first failure is thrown at the end. */
	async #stop(reason: string): Promise<void> {
		const wasReady = this.#state === 'ready';
		this.#state = 'draining';
		const { context, metrics } = this.#parts;
		// of an engine that never ran there is nothing to tell but why
		if (wasReady) context.log.info('engine drains', { reason, ...this.#pipeline.inFlight });
		const within = this.#config.drainWithin;
		const steps: (() => Promise<unknown>)[] = [
			// Both at once: what ends while the others are told must make no room for anything new.
			// Callbacks of capabilities are still taken while runs drain, so the server goes later.
			async () => {
				const drained = this.#pipeline.drain(within);
				await allEnded(wasReady ? [drained, this.#registry.draining()] : [drained]);
			},
			async () => this.#parts.alertsKept(),
			async () => this.#maintenance.stop(),
			async () => this.#server?.close(Math.min(within, 5_000)),
			...[...context.sessions.list(), ...context.channels.list()].map(
				(adapter) => async () => adapter.close?.(),
			),
			async () => context.egress.close(),
			async () => this.#registry.stop(),
			async () => context.store.close(),
		];
		const failures: unknown[] = [];
		for (const step of steps) {
			await step().catch((error: unknown) => {
				failures.push(error);
			});
		}
		metrics.close();
		this.#state = 'stopped';
		if (wasReady) context.log.info('engine stopped', { engine: context.engineId });
		if (failures.length > 0) throw failures[0];
	}

	async #ready(): Promise<{ ready: boolean; reasons: string[] }> {
		if (this.#state !== 'ready') return { ready: false, reasons: [`the engine is ${this.#state}`] };
		try {
			await this.#checkStore();
			return { ready: true, reasons: [] };
		} catch (error) {
			const code = error instanceof CapError ? error.code : 'STORAGE_UNAVAILABLE';
			return { ready: false, reasons: [code] };
		}
	}

	/** A durable write, so at most once a second however often it is asked for. */
	async #checkStore(): Promise<void> {
		const { clock, store } = this.context;
		if (this.#checked === null || clock.monotonic() - this.#checked.at >= 1000) {
			this.#checked = { at: clock.monotonic(), done: store.check() };
		}
		await this.#checked.done;
	}
}

/** Wrong keys from one address. */
const FAILURES_PER_MINUTE = 60;
