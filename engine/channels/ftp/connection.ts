import type { Client } from 'basic-ftp';
import { PassThrough } from 'node:stream';

import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { FileConnection, OpenContext } from '../shared/file-server.port.ts';
import { overTls, tlsOptions } from '../shared/tls.ts';
import { createDataConnections } from './data-connection.ts';
import type { OpenData } from './data-connection.ts';
import { ftpError } from './failure.ts';
import type { FtpSettings } from './settings.ts';
import { portOf } from './settings.ts';
import { createSums } from './sums.ts';
import { upload } from './upload.ts';

/** Logs in. basic-ftp speaks the protocol; its sockets are ours, so that the guard sees each of them. */
export async function openFtp(
	settings: FtpSettings,
	{ egress, open }: { egress: Egress; open: OpenContext },
): Promise<FileConnection> {
	const { host, tls, user, password = '', stall } = settings;
	const { Client: FtpClient } = await import('basic-ftp');
	const client = new FtpClient(stall);
	const ending = new AbortController();
	const close = (): void => {
		ending.abort();
		client.close();
	};
	open.signal.addEventListener('abort', close, { once: true });
	try {
		await greet(client, settings, { egress, open });
		await open.step('login', async () => {
			await command(client, 'OPTS UTF8 ON', { optional: true });
			await client.login(user, password);
			await command(client, 'TYPE I');
			if (tls !== 'none') {
				await command(client, 'PBSZ 0', { optional: true });
				await command(client, 'PROT P');
			}
		});
		const openData = createDataConnections(egress, {
			host,
			signal: ending.signal,
			timeout: stall,
		});
		client.prepareTransfer = async (ftp) => {
			const { answer, socket } = await openData(ftp);
			ftp.dataSocket = socket;
			return answer;
		};
		return createFtpConnection(client, { settings, openData, close });
	} catch (error) {
		close();
		throw error;
	} finally {
		open.signal.removeEventListener('abort', close);
	}

	async function command(ftp: Client, line: string, { optional = false } = {}): Promise<void> {
		await (optional ? ftp.sendIgnoringError(line) : ftp.send(line));
		open.onProgress();
	}
}

async function greet(
	client: Client,
	settings: FtpSettings,
	{ egress, open }: { egress: Egress; open: OpenContext },
): Promise<void> {
	const { host, tls, ca, stall } = settings;
	const { signal, step, onProgress } = open;
	const secure = tlsOptions({ host, ca });
	const socket = await step('connect', async () =>
		egress.connect(host, portOf(settings), { signal, timeout: stall }),
	);
	onProgress();
	const welcome = async (): Promise<void> => {
		// it may have been closed before anything listened for that
		if (client.ftp.socket.destroyed) throw closed();
		await client.ftp.handle(undefined, (answer, task) => {
			if (answer instanceof Error) task.reject(answer);
			// 120: ready in some minutes, and then it says so
			else if (answer.code >= 200) task.resolve(answer);
		});
		onProgress();
	};
	if (tls === 'implicit') {
		client.ftp.socket = await step('tls', async () => overTls(socket, { ...secure, signal }));
		client.ftp.tlsOptions = secure;
		await welcome();
		return;
	}
	client.ftp.socket = socket;
	await welcome();
	if (tls === 'explicit') {
		await step('tls', async () => {
			await client.send('AUTH TLS');
			client.ftp.socket = await overTls(client.ftp.socket, { ...secure, signal });
			client.ftp.tlsOptions = secure;
		});
	}
	onProgress();
}

function closed(): CapError {
	return new CapError('TARGET_UNREACHABLE', 'the server closed the connection', { retry: 'later' });
}

function createFtpConnection(
	client: Client,
	about: { settings: FtpSettings; openData: OpenData; close: () => void },
): FileConnection {
	const { settings, openData, close } = about;
	/** Commands must not begin with a space, which some servers take away. */
	const safe = (path: string): string => (path.startsWith(' ') ? `./${path}` : path);

	async function tried<T>(doing: string, act: () => Promise<T>): Promise<T> {
		try {
			return await act();
		} catch (error) {
			throw ftpError(error, doing, settings.password);
		}
	}

	/** The answer of a command that may be refused; null when it was. */
	async function unless(refusals: readonly number[], line: string) {
		const answer = await client.sendIgnoringError(line);
		if (answer.code < 400) return answer;
		if (refusals.includes(answer.code)) return null;
		throw Object.assign(new Error(answer.message), { name: 'FTPError', code: answer.code });
	}

	const sums = createSums(client);
	const files: Omit<FileConnection, 'facts' | 'alive' | 'close'> = {
		resumes: true,
		async sizeOf(path) {
			return tried('SIZE', async () => {
				const answer = await unless([550, 553], `SIZE ${safe(path)}`);
				if (answer === null) return null;
				const [, size] = /^213 (\d+)/.exec(answer.message) ?? [];
				if (size !== undefined) return Number(size);
				throw new CapError('TARGET_PROTOCOL', 'the server tells no sizes', { retry: 'later' });
			});
		},
		async sumOf(path) {
			return tried('sum', async () => sums(safe(path)));
		},
		async write(path, source, { from, size }) {
			await tried('upload', async () => {
				const { socket } = await openData(client.ftp);
				const command = `${from > 0 ? 'APPE' : 'STOR'} ${safe(path)}`;
				await upload(client, socket, { command, source, empty: size === from });
			});
		},
		async *read(path, from) {
			const stream = new PassThrough();
			const done = tried('download', async () => client.downloadTo(stream, safe(path), from));
			done.catch((error: unknown) => stream.destroy(error as Error));
			let whole = false;
			try {
				yield* stream as AsyncIterable<Uint8Array>;
				whole = true;
			} finally {
				// the answer to what was broken off would be taken for that to the next command
				if (!whole) close();
			}
			await done;
		},
		async move(from, to, { replace }) {
			if (!replace && (await files.sizeOf(to)) !== null) return false;
			return tried('rename', async () => {
				await client.send(`RNFR ${safe(from)}`);
				if ((await unless(replace ? [550, 553] : [], `RNTO ${safe(to)}`)) !== null) return true;
				// servers that replace nothing: for a moment there is no file, but never half a one
				await client.send(`DELE ${safe(to)}`);
				await client.send(`RNFR ${safe(from)}`);
				await client.send(`RNTO ${safe(to)}`);
				return true;
			});
		},
		async remove(path) {
			await tried('delete', async () => unless([550], `DELE ${safe(path)}`));
		},
		async makeFolder(path) {
			let folder = path.startsWith('/') ? '/' : '';
			for (const part of path.split('/').filter((one) => one !== '')) {
				folder += part;
				const made = folder;
				await tried('make folder', async () => client.sendIgnoringError(`MKD ${safe(made)}`));
				folder += '/';
			}
		},
		async hasFolder(path) {
			return tried('look for the folder', async () => {
				const home = await client.pwd();
				if ((await unless([550, 553], `CWD ${safe(path)}`)) === null) return false;
				await client.send(`CWD ${home}`);
				return true;
			});
		},
	};
	const protocol = 'getProtocol' in client.ftp.socket ? client.ftp.socket.getProtocol() : null;
	return {
		...files,
		facts: protocol === null ? {} : { tls: protocol },
		alive: () => !client.closed,
		close,
	};
}
