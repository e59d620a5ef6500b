import type { Client, ClientErrorExtensions, SFTPWrapper } from 'ssh2';

import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { OpenContext } from '../shared/file-server.ts';
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
	const pinned = [settings.hostKey].flat().map((text) => readHostKey(text) as HostKey);
	const shown = new Map<string, string>();
	for (;;) {
		const algorithms = algorithmsFor(pinned, new Set(shown.keys()));
		if (algorithms.length === 0) throw mismatch(shown);
		try {
			return await tryToLogIn(settings, { egress, open, algorithms, pinned });
		} catch (error) {
			if (error instanceof OtherKey && !shown.has(typeOf(error.key))) {
				shown.set(typeOf(error.key), fingerprintOf(error.key));
			} else if (shown.size > 0 && isDisagreement(error)) {
				// it has no key of another kind
				throw mismatch(shown);
			} else {
				throw error;
			}
		}
	}
}

async function tryToLogIn(
	settings: SftpSettings,
	about: { egress: Egress; open: OpenContext; algorithms: string[]; pinned: readonly HostKey[] },
): Promise<Session> {
	const { egress, open, algorithms, pinned } = about;
	const { host, port, stall } = settings;
	const { Client: SshClient } = await import('ssh2');
	const sock = await open.step('connect', async () =>
		egress.connect(host, port, { signal: open.signal, timeout: stall }),
	);
	open.onProgress();
	const client = new SshClient();
	const onAbort = (): void => {
		client.destroy();
	};
	open.signal.addEventListener('abort', onAbort, { once: true });
	let other: Buffer | null = null;
	let hostKey = '';
	try {
		return await open.step('login', async () => {
			await new Promise<void>((resolve, reject) => {
				client
					.on('ready', resolve)
					.on('error', (error: Error & ClientErrorExtensions) => {
						reject(other === null ? error : new OtherKey(other));
					})
					.on('close', () => {
						reject(
							new CapError('TARGET_UNREACHABLE', 'the connection was lost', { retry: 'later' }),
						);
					})
					.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) => {
						answer(prompts.map(() => settings.password ?? ''));
					});
				client.connect({
					sock,
					algorithms: { serverHostKey: algorithms as never },
					hostVerifier: (key: Buffer) => {
						open.onProgress();
						hostKey = `${typeOf(key)} SHA256:${fingerprintOf(key)}`;
						const fits = pinned.some(({ fingerprint }) => fingerprint === fingerprintOf(key));
						if (!fits) other = key;
						return fits;
					},
					...credentials(settings),
					readyTimeout: stall,
					// a server that went away without a word is noticed while the connection lies idle
					keepaliveInterval: 10_000,
					keepaliveCountMax: 3,
				});
			});
			open.onProgress();
			return { client, sftp: await openSftp(client), hostKey };
		});
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
