import type { Socket } from 'node:net';
import type { Client, ClientErrorExtensions, SFTPWrapper } from 'ssh2';

import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { OpenContext } from '../shared/file-server.port.ts';
import { algorithmsFor, fingerprintOf, readHostKey, typeOf } from './host-key.ts';
import type { HostKey } from './host-key.ts';
import type { SftpSettings } from './settings.ts';

export interface Session {
	client: Client;
	sftp: SFTPWrapper;
	/** What the server showed: `ssh-ed25519 SHA256:…` */
	hostKey: string;
}

/** Its server showed a key that is not pinned. */
class OtherKey extends Error {
	readonly key: Buffer;
	constructor(key: Buffer) {
		super('another host key');
		this.key = key;
	}
}

/**
 * Logs in. The host key is judged before anything of ours is sent. A server has keys of several kinds and shows one:
 * where only fingerprints are pinned, it is asked for the other kinds too before it is called another server.
 */
export async function logIn(
	settings: SftpSettings,
	{ egress, open }: { egress: Egress; open: OpenContext },
): Promise<Session> {
	const { host, port, stall } = settings;
	const pinned = [settings.hostKey].flat().flatMap((text) => readHostKey(text) ?? []);
	const connect = async (): Promise<Socket> =>
		egress.connect(host, port, { signal: open.signal, timeout: stall });
	const shown = new Map<string, string>();
	let sock = await open.step('connect', connect);
	return open.step('login', async () => {
		for (;;) {
			open.onProgress();
			const algorithms = algorithmsFor(pinned, new Set(shown.keys()));
			if (algorithms.length === 0) throw mismatch(shown);
			try {
				return await tryToLogIn(settings, { sock, open, algorithms, pinned });
			} catch (error) {
				// it has no key of another kind
				if (isDisagreement(error)) throw mismatch(shown);
				if (!(error instanceof OtherKey) || shown.has(typeOf(error.key))) throw error;
				shown.set(typeOf(error.key), fingerprintOf(error.key));
			}
			sock = await connect();
		}
	});
}

async function tryToLogIn(
	settings: SftpSettings,
	about: { sock: Socket; open: OpenContext; algorithms: string[]; pinned: readonly HostKey[] },
): Promise<Session> {
	const { sock, open, algorithms, pinned } = about;
	const { Client: SshClient } = await import('ssh2');
	const client = new SshClient();
	const onAbort = (): void => {
		client.destroy();
	};
	open.signal.addEventListener('abort', onAbort, { once: true });
	let other: Buffer | null = null;
	let hostKey = '';
	const judge = (key: Buffer): boolean => {
		open.onProgress();
		hostKey = `${typeOf(key)} SHA256:${fingerprintOf(key)}`;
		const fits = pinned.some(({ fingerprint }) => fingerprint === fingerprintOf(key));
		if (!fits) other = key;
		return fits;
	};
	try {
		await new Promise<void>((resolve, reject) => {
			client
				.on('ready', resolve)
				.on('error', (error: Error & ClientErrorExtensions) => {
					reject(other === null ? error : new OtherKey(other));
				})
				.on('close', () => {
					reject(new CapError('TARGET_UNREACHABLE', 'the connection was lost', { retry: 'later' }));
				})
				.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) => {
					answer(prompts.map(() => settings.password ?? ''));
				})
				.connect({
					sock,
					algorithms: { serverHostKey: algorithms as never },
					hostVerifier: judge,
					...credentials(settings),
					readyTimeout: settings.stall,
					// a server that went away without a word is noticed while the connection lies idle
					keepaliveInterval: 10_000,
					keepaliveCountMax: 3,
				});
		});
		open.onProgress();
		return { client, sftp: await openSftp(client), hostKey };
	} catch (error) {
		client.destroy();
		throw error;
	} finally {
		open.signal.removeEventListener('abort', onAbort);
	}
}

function credentials({ user, password, privateKey, passphrase }: SftpSettings) {
	return {
		username: user,
		...(password === undefined ? {} : { password, tryKeyboard: true }),
		...(privateKey === undefined ? {} : { privateKey }),
		...(passphrase === undefined ? {} : { passphrase }),
	};
}

async function openSftp(client: Client): Promise<SFTPWrapper> {
	return new Promise((resolve, reject) => {
		client.sftp((error, sftp) => {
			if (error) reject(error);
			else resolve(sftp);
		});
	});
}

function isDisagreement(error: unknown): boolean {
	const { level, message } = Object(error) as { level?: unknown; message?: unknown };
	return level === 'handshake' && /no matching host key/i.test(String(message));
}

function mismatch(shown: ReadonlyMap<string, string>): CapError {
	const keys = [...shown].map(([type, fingerprint]) => `${type} SHA256:${fingerprint}`);
	const came = keys.length === 0 ? 'no key of the kind that is pinned' : keys.join(', ');
	return new CapError(
		'HOST_KEY_MISMATCH',
		`the server showed ${came}, which is not the pinned host key; nothing was sent`,
	);
}
