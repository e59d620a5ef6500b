import type { ChildProcess } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ensureInstalled, freePort, killTree, run, startServer } from './process.ts';

const SERVER = '/usr/sbin/sshd';
const FLUSH = fileURLToPath(new URL('sftp-flush.py', import.meta.url));
export const SSH_USER = 'capscheduler-ssh';
export const SSH_PASSWORD = 'correct horse 9';
export const PASSPHRASE = 'battery staple 9';

export interface SshServer {
	port: number;
	root: string;
	/** Of each kind: the public key as a line, and its fingerprint. */
	hostKeys: Record<'ed25519' | 'rsa', { line: string; fingerprint: string }>;
	/** A key that opens, and the same with a passphrase. */
	key: string;
	encryptedKey: string;
	/** What it wrote since it began. */
	log(): string;
	kill(): Promise<void>;
	start(): Promise<void>;
	stop(): Promise<void>;
}

/**
 * An OpenSSH in a temporary folder, which knows one user, by password and by key, and SFTP alone.
 * @param flush the status that it answers where a file is to be put onto its disk; unless given, it does that
 */
export async function startSshd({ flush }: { flush?: number } = {}): Promise<SshServer> {
	await ensureInstalled(SERVER, 'openssh-server');
	await ensureUser();
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-ssh-'));
	await chmod(folder, 0o755);
	const root = join(folder, 'root');
	await mkdir(root);
	await run('chown', [SSH_USER, root]);
	// sshd wants it, though it is used by systemd only
	await run('mkdir', ['-p', '/run/sshd']);
	const keygen = async (name: string, type: string, passphrase = ''): Promise<string> => {
		const path = join(folder, name);
		await run('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-f', path]);
		return path;
	};
	const ed25519 = await keygen('host_ed25519', 'ed25519');
	const rsa = await keygen('host_rsa', 'rsa');
	const key = await keygen('user', 'ed25519');
	const encrypted = await keygen('user_encrypted', 'ed25519', PASSPHRASE);
	const authorized = join(folder, 'authorized_keys');
	const lines = await Promise.all([key, encrypted].map(async (one) => readFile(`${one}.pub`)));
	await writeFile(authorized, Buffer.concat(lines));
	const script = join(folder, 'sftp-flush.py');
	await copyFile(FLUSH, script);
	await chmod(script, 0o644);
	const sftp =
		flush === undefined ? `internal-sftp -d ${root}` : `python3 ${script} ${flush} ${root}`;
	const port = await freePort();
	const config = join(folder, 'sshd_config');
	await writeFile(
		config,
		[
			`Port ${port}`,
			'ListenAddress 127.0.0.1',
			`HostKey ${ed25519}`,
			`HostKey ${rsa}`,
			`AuthorizedKeysFile ${authorized}`,
			'PidFile none',
			'UsePAM no',
			'StrictModes no',
			'PasswordAuthentication yes',
			'KbdInteractiveAuthentication no',
			'LogLevel VERBOSE',
			'MaxStartups 100',
			`Subsystem sftp internal-sftp -d ${root}`,
			`ForceCommand ${sftp}`,
			'',
		].join('\n'),
	);
	let child: ChildProcess | undefined;
	let log = '';
	const server: SshServer = {
		port,
		root,
		hostKeys: { ed25519: await describe(ed25519), rsa: await describe(rsa) },
		key: await readFile(key, 'utf8'),
		encryptedKey: await readFile(encrypted, 'utf8'),
		log: () => log,
		async start() {
			if (child?.exitCode === null && child.signalCode === null) return;
			const onLog = (text: string): void => {
				log += text;
			};
			child = await startServer(SERVER, ['-D', '-e', '-f', config], { port, onLog });
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

async function describe(key: string): Promise<{ line: string; fingerprint: string }> {
	const [line, shown] = await Promise.all([
		readFile(`${key}.pub`, 'utf8'),
		run('ssh-keygen', ['-l', '-f', `${key}.pub`]),
	]);
	return { line: line.trim(), fingerprint: shown.split(' ')[1] ?? '' };
}

/** Without PAM, sshd takes the passwords of the system's users. */
async function ensureUser(): Promise<void> {
	const known = await run('id', [SSH_USER]).then(
		() => true,
		() => false,
	);
	const how = ['--system', '--no-create-home', '--home-dir', '/', '--shell', '/bin/sh'];
	if (!known) await run('useradd', [...how, SSH_USER]);
	await run('sh', ['-c', `echo '${SSH_USER}:${SSH_PASSWORD}' | chpasswd`]);
}
