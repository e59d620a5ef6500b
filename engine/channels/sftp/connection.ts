import type { SFTPWrapper } from 'ssh2';

import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { FileConnection, OpenContext } from '../shared/file-server.port.ts';
import { isUnsupported, sftpError, STATUS, statusOf } from './failure.ts';
import { logIn } from './login.ts';
import type { SftpSettings } from './settings.ts';

/** Requests under way while a file is sent or read: of 32 KB each, enough for a line of 100 Mbit/s and 150 ms. */
const WINDOW = 64;
const READ_SIZE = 32_768;

/** ssh2 speaks the protocol over a socket of ours. */
export async function openSftpConnection(
	settings: SftpSettings,
	{ egress, open }: { egress: Egress; open: OpenContext },
): Promise<FileConnection> {
	const secrets = [settings.password, settings.passphrase];
	const { client, sftp, hostKey } = await logIn(settings, { egress, open });
	let live = true;
	/** All that waits for an answer: ssh2 calls nobody back when the connection is lost. */
	const waiting = new Set<(error: Error) => void>();
	client.on('error', () => {
		live = false;
	});
	client.on('close', () => {
		live = false;
		for (const reject of waiting) reject(lost());
	});

	/** One request. @throws CapError */
	async function ask<T>(
		doing: string,
		request: (done: (error?: Error | null, value?: T) => void) => void,
	): Promise<T> {
		return raw(request).catch((error: unknown) => {
			throw sftpError(error, doing, secrets);
		});
	}

	async function raw<T>(
		request: (done: (error?: Error | null, value?: T) => void) => void,
	): Promise<T> {
		if (!live) throw lost();
		return new Promise<T>((resolve, reject) => {
			waiting.add(reject);
			request((error, value) => {
				waiting.delete(reject);
				if (error) reject(error);
				else resolve(value as T);
			});
		});
	}

	async function withHandle<T>(
		path: string,
		{ flags, doing }: { flags: string; doing: string },
		act: (handle: Buffer) => Promise<T>,
	): Promise<T> {
		const handle = await ask<Buffer>(doing, (done) => {
			// the file may be read by its owner's group, as on other servers of files
			sftp.open(path, flags as never, 0o640, done);
		});
		try {
			return await act(handle);
		} finally {
			if (live) {
				await raw<undefined>((done) => {
					sftp.close(handle, done);
				}).catch(() => undefined);
			}
		}
	}

	/** Whether the server put the file that was written last onto its disk. */
	let flushed: boolean | undefined;

	const files: Omit<FileConnection, 'facts' | 'alive' | 'close'> = {
		resumes: true,
		async sizeOf(path) {
			try {
				const { size } = await raw<{ size: number }>((done) => {
					sftp.stat(path, done);
				});
				return size;
			} catch (error) {
				if (statusOf(error) === STATUS.noSuchFile) return null;
				throw sftpError(error, 'look for the file', secrets);
			}
		},
		async write(path, source, { from, size }) {
			const flags = from > 0 ? 'r+' : 'w';
			await withHandle(path, { flags, doing: 'upload' }, async (handle) => {
				try {
					await writeAll(source, { sftp, handle, raw, from });
				} catch (error) {
					throw (await whyFull(path, { error, size, sftp, raw })) ?? error;
				}
				// what the receipt says must outlast the server's next power cut, where the server can see to it
				flushed = await raw<undefined>((done) => {
					sftp.ext_openssh_fsync(handle, done as never);
				}).then(
					() => true,
					(error: unknown) => {
						if (isUnsupported(error)) return false;
						throw error;
					},
				);
			}).catch((error: unknown) => {
				throw sftpError(error, 'upload', secrets);
			});
		},
		async *read(path, from) {
			const handle = await ask<Buffer>('read back', (done) => {
				sftp.open(path, 'r', done);
			});
			try {
				const { size } = await ask<{ size: number }>('read back', (done) => {
					sftp.fstat(handle, done);
				});
				const next = (position: number): Promise<Buffer> =>
					ask<Buffer>('read back', (done) => {
						const length = Math.min(READ_SIZE, size - position);
						const into = Buffer.allocUnsafe(length);
						sftp.read(handle, into, 0, length, position, (error, count) => {
							done(error, into.subarray(0, count));
						});
					});
				yield* ahead({ from, size }, next);
			} finally {
				if (live) sftp.close(handle, () => undefined);
			}
		},
		async move(from, to, { replace }) {
			if (!replace) return moveAside(from, to);
			await ask<undefined>('rename', (done) => {
				sftp.ext_openssh_rename(from, to, done);
			}).catch(async (error: unknown) => {
				if (!String((error as Error).cause).includes('does not support')) throw error;
				// a server without the extension: for a moment there is no file, but never half a one
				await files.remove(to);
				await ask<undefined>('rename', (done) => {
					sftp.rename(from, to, done);
				});
			});
			return true;
		},
		async remove(path) {
			await raw<undefined>((done) => {
				sftp.unlink(path, done);
			}).catch((error: unknown) => {
				if (statusOf(error) !== STATUS.noSuchFile) throw sftpError(error, 'delete', secrets);
			});
		},
		async makeFolder(path) {
			let folder = path.startsWith('/') ? '/' : '';
			for (const part of path.split('/').filter((one) => one !== '')) {
				folder += part;
				const made = folder;
				// one that is there is refused with the same word as one that cannot be made: the write will tell
				await raw<undefined>((done) => {
					sftp.mkdir(made, done);
				}).catch((error: unknown) => {
					if (statusOf(error) === null) throw sftpError(error, 'make folder', secrets);
				});
				folder += '/';
			}
		},
		async hasFolder(path) {
			return (await files.sizeOf(path)) !== null;
		},
	};

	/** SFTP's own rename takes no name that something else has; version 3 says no more than that it failed. */
	async function moveAside(from: string, to: string): Promise<boolean> {
		try {
			await raw<undefined>((done) => {
				sftp.rename(from, to, done);
			});
			return true;
		} catch (error) {
			if (statusOf(error) === STATUS.failure && (await files.sizeOf(to)) !== null) return false;
			throw sftpError(error, 'rename', secrets);
		}
	}

	return {
		...files,
		get facts() {
			return { hostKey, ...(flushed === undefined ? {} : { flushed }) };
		},
		alive: () => live,
		close() {
			live = false;
			client.destroy();
			for (const reject of waiting) reject(lost());
		},
	};
}

type Raw = <T>(request: (done: (error?: Error | null, value?: T) => void) => void) => Promise<T>;

/** Many pieces are under way at a time: waiting for each would take a round trip for every 32 KB. */
async function writeAll(
	source: AsyncIterable<Uint8Array>,
	{ sftp, handle, raw, from }: { sftp: SFTPWrapper; handle: Buffer; raw: Raw; from: number },
): Promise<void> {
	const flying = new Set<Promise<unknown>>();
	let failure: Error | null = null;
	let position = from;
	for await (const chunk of source) {
		const at = position;
		position += chunk.length;
		const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
		const written = raw((done) => {
			sftp.write(handle, bytes, 0, bytes.length, at, (error) => {
				done(error);
			});
		}).catch((error: unknown) => {
			failure ??= error as Error;
		});
		flying.add(written);
		void written.then(() => flying.delete(written));
		if (flying.size >= WINDOW) await Promise.race(flying);
		if (failure !== null) break;
	}
	await Promise.all(flying);
	if (failure !== null) throw failure as Error;
}

/** Reads ahead in order. */
async function* ahead(
	{ from, size }: { from: number; size: number },
	next: (position: number) => Promise<Buffer>,
): AsyncGenerator<Uint8Array> {
	const queue: { position: number; bytes: Promise<Buffer> }[] = [];
	let asked = from;
	let at = from;
	while (at < size) {
		while (asked < size && queue.length < WINDOW) {
			const bytes = next(asked);
			bytes.catch(() => undefined);
			queue.push({ position: asked, bytes });
			asked += Math.min(READ_SIZE, size - asked);
		}
		const first = queue.shift();
		if (first === undefined) return;
		const bytes = await first.bytes;
		yield bytes;
		at += bytes.length;
		if (bytes.length === 0) return;
		if (at !== (queue[0]?.position ?? asked)) {
			// a short answer: what was asked for behind it is asked for anew
			queue.length = 0;
			asked = at;
		}
	}
}

/** OpenSSH calls a full disk a failure like any other; its statvfs tells. */
async function whyFull(
	path: string,
	{ error, size, sftp, raw }: { error: unknown; size: number; sftp: SFTPWrapper; raw: Raw },
): Promise<CapError | null> {
	if (statusOf(error) !== STATUS.failure) return null;
	const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';
	const room = await raw<{ f_frsize: number; f_bavail: number }>((done) => {
		sftp.ext_openssh_statvfs(folder, done as never);
	}).catch(() => null);
	if (room === null || room.f_frsize * room.f_bavail >= size) return null;
	return new CapError('TARGET_FULL', 'upload: no room on the server', { retry: 'later' });
}

function lost(): CapError {
	return new CapError('TARGET_UNREACHABLE', 'the connection was lost', { retry: 'later' });
}
