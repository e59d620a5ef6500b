import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { ENGINE_NODE } from './child.ts';
import type { JobServer, StoreName } from './servers.ts';
import { postgres, redis, STORES } from './servers.ts';

export interface Contestant {
	name: string;
	program: string;
	/** How it is set up, in words. */
	settings: string;
	/** Where it keeps its jobs; null: in a folder of its own. */
	server: (() => Promise<JobServer>) | null;
	/** Where its version is told: a package of peers. */
	package?: string;
	workloads: readonly ('noop' | 'post')[];
	/** Options of Node that it is started with. */
	node?: readonly string[];
}

const BOTH = ['noop', 'post'] as const;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const peer = (name: string): string => here(`peers/${name}.mjs`);

export const ENGINE: Contestant = {
	name: 'capscheduler',
	program: here('engine.ts'),
	settings: 'its defaults: concurrency 256, SQLite in WAL mode, synced before it is answered for',
	server: null,
	workloads: BOTH,
	node: ENGINE_NODE,
};

/** The engine, on a store of that kind. */
export function onStore<T extends Pick<Contestant, 'server'>>(engine: T, store: StoreName): T {
	return { ...engine, server: STORES[store] };
}

/** With the settings that served each best when they were tuned one by one. */
export const PEERS: readonly Contestant[] = [
	{
		name: 'graphile-worker',
		program: peer('graphile-worker'),
		settings: 'concurrentJobs 50, localQueue 2000, completeJobBatchDelay 10',
		server: postgres,
		package: 'graphile-worker',
		workloads: BOTH,
	},
	{
		name: 'pg-boss',
		program: peer('pg-boss'),
		settings: '2 workers, batchSize 2000, burstWhenBatchFull; a batch completes as one',
		server: postgres,
		package: 'pg-boss',
		workloads: BOTH,
	},
	{
		name: 'bullmq',
		program: peer('bullmq'),
		settings: 'concurrency 200, appendfsync everysec',
		server: () => redis('everysec'),
		package: 'bullmq',
		workloads: BOTH,
	},
	{
		name: 'bullmq-fsync',
		program: peer('bullmq'),
		settings: 'concurrency 200, appendfsync always: as durable as the others',
		server: () => redis('always'),
		package: 'bullmq',
		workloads: BOTH,
	},
	{
		name: 'undici',
		program: peer('undici'),
		settings: '64 connections and no queue at all: the most that is there to be had',
		server: null,
		package: 'undici',
		workloads: ['post'],
	},
];

export const PEERS_FOLDER = here('.');

export function versionOf({ package: name }: Contestant): string {
	const file =
		name === undefined ? '../../engine/package.json' : `node_modules/${name}/package.json`;
	return (JSON.parse(readFileSync(here(file), 'utf8')) as { version: string }).version;
}
