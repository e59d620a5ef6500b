import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { databaseUrl, startDurableMongo } from '../servers/mongo.ts';
import { startPostgres } from '../servers/postgres.ts';
import { ensureInstalled, freePort, run, startServer, stopServer } from '../servers/process.ts';

/** A server that a peer keeps its jobs in. */
export interface JobServer {
	url: string;
	pid: number;
	version: string;
	/** How it makes writes last. */
	durability: string;
	stop(): Promise<void>;
}

export async function postgres(): Promise<JobServer> {
	const server = await startPostgres();
	return {
		url: `postgres://postgres:secret@127.0.0.1:${server.port}/postgres`,
		pid: server.pid,
		version: (await run('/usr/lib/postgresql/15/bin/postgres', ['--version'])).trim(),
		durability: 'synchronous_commit on, fsync on (its defaults): a commit is on the disk',
		stop: () => server.stop(),
	};
}

/** A server of MongoDB's protocol; a real one cannot be had where this runs. */
async function mongo(): Promise<JobServer> {
	const server = await startDurableMongo({ sync: true });
	return {
		url: databaseUrl(server),
		pid: server.pid ?? 0,
		version: server.name,
		durability: 'its log is synced with every commit',
		stop: () => server.stop(),
	};
}

/** Where the engine may keep what it has: a file of its own, or one of these. */
export const STORES = { sqlite: null, postgres, mongo } as const;
export type StoreName = keyof typeof STORES;

const REDIS = '/usr/bin/redis-server';

/** Redis with an append-only file. */
export async function redis(fsync: 'everysec' | 'always'): Promise<JobServer> {
	await ensureInstalled(REDIS, 'redis-server');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-redis-'));
	const port = await freePort();
	const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
	const log = ['--appendonly', 'yes', '--appendfsync', fsync, '--maxmemory-policy', 'noeviction'];
	const child = await startServer(REDIS, [...settings, ...log], { port, uid: 0, gid: 0 });
	return {
		url: `redis://127.0.0.1:${port}`,
		pid: child.pid ?? 0,
		version:
			/v=[\d.]+/.exec(await run(REDIS, ['--version']))?.[0].replace('v=', 'Redis ') ?? 'Redis',
		durability:
			fsync === 'always'
				? 'append-only file, fsync before every answer'
				: 'append-only file, fsync once a second: a crash of the machine loses up to a second',
		async stop() {
			await stopServer(child, 'SIGTERM');
			await rm(folder, { recursive: true, force: true });
		},
	};
}
