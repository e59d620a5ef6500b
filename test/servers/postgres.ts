import type { ChildProcess } from 'node:child_process';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureInstalled, freePort, run, startServer, stopServer, userIds } from './process.ts';

const BIN = '/usr/lib/postgresql/15/bin';

export interface DatabaseServer {
	port: number;
	pid: number;
	stop(): Promise<void>;
}

export interface PostgresServer extends DatabaseServer {
	/** Kills it without a word (SIGKILL), as a machine does that loses its power but not its disk. */
	kill(): Promise<void>;
	/** Starts it again on the same data and the same port. */
	restart(): Promise<void>;
}

/**
 * A PostgreSQL of its own in a temporary folder: user `postgres`, password `secret` over TCP.
 * @param options.durable false where a test asks for nothing that a loss of power could take: much faster
 */
export async function startPostgres({ durable = true } = {}): Promise<PostgresServer> {
	await ensureInstalled(`${BIN}/initdb`, 'postgresql-15');
	const ids = await userIds('postgres');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-postgres-'));
	await chown(folder, ids.uid, ids.gid);
	await chmod(folder, 0o700);
	const script = `echo secret > ${folder}/pw && ${BIN}/initdb -D ${folder}/data -U postgres -A scram-sha-256 --pwfile=${folder}/pw -E UTF8 --no-locale --no-sync`;
	await run('sh', ['-c', script], ids);
	const port = await freePort();
	const settings = durable ? [] : ['-c', 'fsync=off', '-c', 'full_page_writes=off'];
	const parameters = ['-D', `${folder}/data`, '-p', `${port}`, '-h', '127.0.0.1', '-k', folder];

	async function start(): Promise<ChildProcess> {
		const how = [...parameters, ...settings];
		const child = await startServer(`${BIN}/postgres`, how, { ...ids, port });
		// it takes connections before it answers them
		const ready = ['-q', '-t', '30', '-h', '127.0.0.1', '-p', `${port}`];
		while (
			!(await run(`${BIN}/pg_isready`, ready).then(
				() => true,
				() => false,
			))
		) {
			if (child.exitCode !== null) throw new Error('PostgreSQL ended while it started');
		}
		return child;
	}

	let child = await start();
	return {
		port,
		pid: child.pid ?? 0,
		kill: () => stopServer(child, 'SIGKILL'),
		async restart() {
			child = await startAfterKill(start);
		},
		async stop() {
			await stopServer(child, 'SIGQUIT'); // at once: nobody needs what it holds
			await rm(folder, { recursive: true, force: true });
		},
	};
}

/** The processes of one that was killed notice it by themselves, a moment later; until then none takes its place. */
async function startAfterKill(start: () => Promise<ChildProcess>): Promise<ChildProcess> {
	for (;;) {
		try {
			return await start();
		} catch (error) {
			if (!(error as Error).message.includes('is still in use')) throw error;
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}
}
