import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DatabaseServer } from './postgres.ts';
import { ensureInstalled, freePort, run, startServer, stopServer, userIds } from './process.ts';

const SERVER = '/usr/sbin/mariadbd';

/** A MariaDB of its own in a temporary folder: user `cap`, password `secret`, database `shop`. */
export async function startMariadb(): Promise<DatabaseServer> {
	await ensureInstalled(SERVER, 'mariadb-server');
	const ids = await userIds('mysql');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-mariadb-'));
	await chown(folder, ids.uid, ids.gid);
	const data = `--datadir=${folder}/data`;
	await run(
		'mariadb-install-db',
		['--no-defaults', data, '--skip-test-db', '--auth-root-authentication-method=normal'],
		ids,
	);
	const setup = join(folder, 'setup.sql');
	await writeFile(
		setup,
		"CREATE DATABASE shop;\nCREATE USER cap@localhost IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO cap@localhost;\n",
		{ mode: 0o644 },
	);
	const port = await freePort();
	const parameters = ['--no-defaults', data, `--port=${port}`, '--bind-address=127.0.0.1'];
	parameters.push(`--socket=${folder}/socket`, `--pid-file=${folder}/pid`, `--init-file=${setup}`);
	const child = await startServer(SERVER, parameters, { ...ids, port });
	return {
		port,
		pid: child.pid ?? 0,
		async stop() {
			await stopServer(child, 'SIGTERM');
			await rm(folder, { recursive: true, force: true });
		},
	};
}
