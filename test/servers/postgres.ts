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

/** A PostgreSQL of its own in a temporary folder: user `postgres`, password `secret` over TCP. */
export async function startPostgres(): Promise<DatabaseServer> {
	await ensureInstalled(`${BIN}/initdb`, 'postgresql-15');
	const ids = await userIds('postgres');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-postgres-'));
	await chown(folder, ids.uid, ids.gid);
	await chmod(folder, 0o700);
	const script = `echo secret > ${folder}/pw && ${BIN}/initdb -D ${folder}/data -U postgres -A scram-sha-256 --pwfile=${folder}/pw -E UTF8 --no-locale`;
	await run('sh', ['-c', script], ids);
	const port = await freePort();
	const parameters = ['-D', `${folder}/data`, '-p', `${port}`, '-h', '127.0.0.1', '-k', folder];
	const child = await startServer(`${BIN}/postgres`, parameters, { ...ids, port });
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
	return {
		port,
		pid: child.pid ?? 0,
		async stop() {
			await stopServer(child, 'SIGINT'); // fast shutdown
			await rm(folder, { recursive: true, force: true });
		},
	};
}
