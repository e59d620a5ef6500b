import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureInstalled, freePort, killTree, run, startServer, userIds } from './process.ts';

const SERVER = '/usr/sbin/proftpd';
const USER = 'ada';
const PASSWORD = 'correct horse 9';

export interface Proftpd {
	settings: { host: string; port: number; tls: 'none'; user: string; password: string };
	/** What the user sees as `/`. */
	root: string;
	stop(): Promise<void>;
}

/**
 * A ProFTPD in a temporary folder, which makes sums of files (mod_digest).
 * @param algorithms as its `DigestAlgorithms` names them; none: it makes none
 */
export async function startProftpd(algorithms: readonly string[]): Promise<Proftpd> {
	await ensureInstalled(SERVER, 'proftpd-core');
	const { uid, gid } = await userIds('nobody');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-proftpd-'));
	await chmod(folder, 0o755);
	const root = join(folder, 'root');
	await mkdir(root);
	await chown(root, uid, gid);
	const hashed = await run('openssl', ['passwd', '-6', '-salt', 'capscheduler', PASSWORD]);
	const users = join(folder, 'users');
	await writeFile(users, `${USER}:${hashed.trim()}:${uid}:${gid}::${root}:/bin/sh\n`);
	await chown(users, uid, gid);
	await chmod(users, 0o600);
	const host = '127.0.0.1';
	const port = await freePort();
	const digest =
		algorithms.length === 0
			? ['DigestEngine off']
			: ['DigestEngine on', `DigestAlgorithms ${algorithms.join(' ')}`];
	const lines = [
		'ModulePath /usr/lib/proftpd',
		'LoadModule mod_digest.c',
		'ServerType standalone',
		`DefaultAddress ${host}`,
		`Port ${port}`,
		'UseIPv6 off',
		'SocketBindTight on',
		'User nobody',
		'Group nogroup',
		`PidFile ${join(folder, 'pid')}`,
		`ScoreboardFile ${join(folder, 'scoreboard')}`,
		`SystemLog ${join(folder, 'log')}`,
		'WtmpLog off',
		'TransferLog none',
		'AuthPAM off',
		'AuthOrder mod_auth_file.c',
		`AuthUserFile ${users}`,
		'RequireValidShell off',
		'UseReverseDNS off',
		'DefaultRoot ~',
		'AllowOverwrite on',
		'AllowStoreRestart on',
		...digest,
	];
	const config = join(folder, 'proftpd.conf');
	await writeFile(config, `${lines.join('\n')}\n`);
	const child = await startServer(SERVER, ['-n', '-c', config], { port, host });
	return {
		settings: { host, port, tls: 'none', user: USER, password: PASSWORD },
		root,
		async stop() {
			await killTree(child);
			await rm(folder, { recursive: true, force: true });
		},
	};
}
