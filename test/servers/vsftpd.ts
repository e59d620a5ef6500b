import type { ChildProcess } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificate.ts';
import { ensureInstalled, freePort, killTree, run, startServer, userIds } from './process.ts';

const SERVER = '/usr/sbin/vsftpd';
export const FTP_USER = 'capscheduler-ftp';
export const FTP_PASSWORD = 'correct horse 9';

export interface FtpServer {
	/** Another address of loopback than 127.0.0.1, so that proxies can have the same ports there. */
	host: string;
	port: number;
	passivePorts: number[];
	/** Its certificate in PEM, which is its own authority. */
	ca: string;
	/** What the user sees as `/`. */
	root: string;
	/** At once, with all sessions. */
	kill(): Promise<void>;
	start(): Promise<void>;
	stop(): Promise<void>;
}

/** A vsftpd in a temporary folder. With TLS it demands it, and that data connections reuse its session. */
export async function startVsftpd({
	tls,
	passive = 12,
}: {
	tls: 'explicit' | 'implicit' | 'none';
	/** Ports for data; each rests for a minute after its connection. */
	passive?: number;
}): Promise<FtpServer> {
	await ensureInstalled(SERVER, 'vsftpd');
	await ensureUser();
	const ids = await userIds(FTP_USER);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-ftp-'));
	await chmod(folder, 0o755);
	const root = join(folder, 'root');
	const empty = join(folder, 'empty');
	await mkdir(root);
	await mkdir(empty);
	await chown(root, ids.uid, ids.gid);
	const host = '127.0.0.2';
	const port = await freePort();
	const passivePorts = await portsInARow(passive);
	const certificate = await makeCertificate(folder);
	const lines = [
		`listen=YES`,
		`listen_address=${host}`,
		`listen_port=${port}`,
		'background=NO',
		'anonymous_enable=NO',
		'local_enable=YES',
		'write_enable=YES',
		'local_umask=022',
		`local_root=${root}`,
		'chroot_local_user=YES',
		'allow_writeable_chroot=YES',
		'seccomp_sandbox=NO',
		`secure_chroot_dir=${empty}`,
		'pasv_enable=YES',
		'port_enable=NO',
		`pasv_min_port=${passivePorts.at(0)}`,
		`pasv_max_port=${passivePorts.at(-1)}`,
		'xferlog_enable=NO',
		'max_login_fails=1',
		'delay_failed_login=0',
		// a session whose connection was cut rests for minutes of its own clock
		'max_per_ip=0',
		...(tls === 'none' ? [] : tlsLines(certificate, tls)),
	];
	const config = join(folder, 'vsftpd.conf');
	await writeFile(config, `${lines.join('\n')}\n`);
	let child: ChildProcess | undefined;
	const server: FtpServer = {
		host,
		port,
		passivePorts,
		ca: await readFile(certificate.cert, 'utf8'),
		root,
		async start() {
			if (child?.exitCode === null && child.signalCode === null) return;
			child = await startServer(SERVER, [config], { port, host });
		},
		async kill() {
			if (child) await killTree(child);
		},
		async stop() {
			await server.kill();
			await rm(folder, { recursive: true, force: true });
		},
	};
	await server.start();
	return server;
}

function tlsLines(
	{ key, cert }: { key: string; cert: string },
	tls: 'explicit' | 'implicit',
): string[] {
	return [
		'ssl_enable=YES',
		'force_local_logins_ssl=YES',
		'force_local_data_ssl=YES',
		'require_ssl_reuse=YES',
		'strict_ssl_read_eof=YES',

		`rsa_cert_file=${cert}`,
		`rsa_private_key_file=${key}`,
		...(tls === 'implicit' ? ['implicit_ssl=YES'] : []),
	];
}

/** vsftpd knows the users of the system only. */
async function ensureUser(): Promise<void> {
	const known = await run('id', [FTP_USER]).then(
		() => true,
		() => false,
	);
	// it goes to the home before it goes to its root
	const home = ['--system', '--no-create-home', '--home-dir', '/', '--shell', '/bin/sh'];
	if (!known) await run('useradd', [...home, FTP_USER]);
	await run('sh', ['-c', `echo '${FTP_USER}:${FTP_PASSWORD}' | chpasswd`]);
}

/** Away from where the system takes ports of its own from, so that nothing gets in between. */
async function portsInARow(count: number): Promise<number[]> {
	const start = 10_000 + ((await freePort()) % 20_000);
	return Array.from({ length: count }, (_, index) => start + index);
}
