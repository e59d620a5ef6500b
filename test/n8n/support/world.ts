import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '../../servers/process.ts';
import type { EngineProcess } from '../../support/engine-process.ts';
import { createClient, listAll, startEngineProcess } from '../../support/engine-process.ts';
import { Between } from './between.ts';
import { N8nClient } from './n8n-client.ts';
import type { N8nProcess } from './n8n-process.ts';
import { startN8n } from './n8n-process.ts';
import { until } from './until.ts';

/** Of the engine's answers, what the tests look at. */
export interface ScheduleRow {
	id: string;
	name: string | null;
	capability: string;
	status: string;
	timing: Record<string, any>;
	labels: Record<string, string>;
	metadata: Record<string, any>;
	pauseReason?: string | null;
}

export interface RunRow {
	id: string;
	state: string;
	capability: string;
	scheduleId: string | null;
	trigger: string;
	attempts?: any[];
	error: { code: string; message: string } | null;
}

export interface WorldOptions {
	/** Whether what n8n and the engine say to each other goes through `toN8n` and `toEngine`. */
	between?: true;
	/** More of the engine's settings. */
	engineSettings?: Readonly<Record<string, string>>;
	/** More of n8n's settings. */
	n8nSettings?: Readonly<Record<string, string>>;
}

/**
 * The real n8n with the packed nodes, and a real engine beside it, each in a process of its own, on ports and in
 * folders that survive a restart.
 */
export class World {
	n8n!: N8nClient;
	/** The credential of the nodes, as a node names it. */
	credentials!: { capSchedulerApi: { id: string; name: string } };
	engineUrl = '';
	key = '';
	/** What the engine says to n8n. */
	toN8n!: Between;
	/** What n8n says to the engine. */
	toEngine!: Between;

	readonly #folder = mkdtempSync(join(tmpdir(), 'capscheduler-n8n-world-'));
	readonly #options: WorldOptions;
	#n8nPort = 0;
	#enginePort = 0;
	/** A wiped engine is one with another data folder. */
	#wipes = 0;
	#n8nProcess: N8nProcess | undefined;
	#engineProcess: EngineProcess | undefined;

	private constructor(options: WorldOptions) {
		this.#options = options;
	}

	static async open(options: WorldOptions = {}): Promise<World> {
		const world = new World(options);
		try {
			await world.#open();
		} catch (error) {
			await world.close();
			throw error;
		}
		return world;
	}

	async #open(): Promise<void> {
		this.#n8nPort = await freePort();
		this.#enginePort = await freePort();
		if (this.#options.between === true) {
			this.toN8n = await new Between(this.#n8nPort).open();
			this.toEngine = await new Between(this.#enginePort).open();
		}
		const started = await Promise.allSettled([this.startEngine(), this.startN8n()]);
		// only now, when there is nothing under way that nobody would end
		for (const one of started) if (one.status === 'rejected') throw one.reason;
		this.n8n = await new N8nClient(this.#n8nProcess?.url ?? '').setUp();
		const baseUrl = this.#options.between === true ? this.toEngine.url : this.engineUrl;
		const data = { baseUrl, apiKey: this.key };
		const { id, name } = await this.n8n.createCredential('Engine of the tests', data);
		this.credentials = { capSchedulerApi: { id, name } };
	}

	async startN8n(): Promise<void> {
		this.#n8nProcess = await startN8n({
			userFolder: join(this.#folder, 'n8n'),
			port: this.#n8nPort,
			settings: {
				...(this.#options.between === true ? { WEBHOOK_URL: `${this.toN8n.url}/` } : {}),
				...this.#options.n8nSettings,
			},
		});
	}

	async stopN8n(): Promise<void> {
		await this.#n8nProcess?.stop();
		this.#n8nProcess = undefined;
	}

	async restartN8n(): Promise<void> {
		await this.stopN8n();
		await this.startN8n();
	}

	async startEngine(): Promise<void> {
		const engine = await startEngineProcess({
			CAPSCHEDULER_PORT: String(this.#enginePort),
			CAPSCHEDULER_DATA_DIR: join(this.#folder, `engine-${this.#wipes}`),
			...(this.key === '' ? {} : { CAPSCHEDULER_ADMIN_KEY: this.key }),
			...this.#options.engineSettings,
		});
		this.#engineProcess = engine;
		this.engineUrl = engine.url;
		this.key ||= engine.firstKey ?? '';
	}

	async stopEngine(): Promise<void> {
		await this.#engineProcess?.kill('SIGTERM');
		this.#engineProcess = undefined;
	}

	async restartEngine(): Promise<void> {
		await this.stopEngine();
		await this.startEngine();
	}

	/** The engine loses all its data, and knows nothing but the key. */
	async wipeEngine(): Promise<void> {
		await this.stopEngine();
		this.#wipes += 1;
		await this.startEngine();
	}

	/** A request to the engine. */
	engine<T = any>(method: string, path: string, body?: unknown): Promise<T> {
		return createClient(this.engineUrl, this.key)<T>(method, path, body);
	}

	/** All of a list of the engine. */
	all<T>(path: string): Promise<T[]> {
		return listAll<T>(createClient(this.engineUrl, this.key), path);
	}

	/** Those of one workflow, the newest first. */
	schedulesOf(workflowId: string): Promise<ScheduleRow[]> {
		return this.all<ScheduleRow>(`/v1/schedules?label=workflow:${workflowId}`);
	}

	runsOf(schedule: { id: string }): Promise<RunRow[]> {
		return this.all<RunRow>(`/v1/runs?scheduleId=${schedule.id}`);
	}

	/** A run of a schedule now, and how it ends. */
	async ran({ id }: { id: string }): Promise<RunRow> {
		return this.over((await this.engine<RunRow>('POST', `/v1/schedules/${id}/trigger`, {})).id);
	}

	/** How a run ends. */
	over(id: string): Promise<RunRow> {
		return until(`the run ${id}`, async () => {
			const run = await this.engine<RunRow>('GET', `/v1/runs/${id}`);
			return ['succeeded', 'failed', 'cancelled', 'expired'].includes(run.state) && run;
		});
	}

	/** What a run brought, as JSON. */
	resultOf({ id }: { id: string }): Promise<unknown> {
		return this.engine('GET', `/v1/runs/${id}/result?format=json`);
	}

	/** What both wrote, for a test that failed. */
	logs(): string {
		return `n8n:\n${this.#n8nProcess?.log() ?? ''}\nengine:\n${this.#engineProcess?.log() ?? ''}`;
	}

	async close(): Promise<void> {
		await Promise.all([this.stopN8n(), this.stopEngine()]);
		for (const between of [this.toN8n, this.toEngine]) (between as Between | undefined)?.close();
		rmSync(this.#folder, { recursive: true, force: true });
	}
}
