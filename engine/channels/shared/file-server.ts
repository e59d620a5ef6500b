import { posix } from 'node:path';

import type { Clock } from '../../clock.ts';
import type { JsonObject } from '../../contract/json.ts';
import { toIso } from '../../contract/time.ts';
import type { Channel, Parcel, SendContext, SendOutcome } from '../channel.port.ts';
import { createDeadline, endedBy } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { failedWith } from './failed.ts';
import type { FileConnection, FileServer, FileServerSettings, WayIn } from './file-server.port.ts';
import { judgeName, overwriteOf } from './names.ts';
import { probeFiles } from './probe-files.ts';
import { createPool, poolKey } from './pool.ts';
import type { PoolUse } from './pool.ts';
import { joinPath, placeFile, temporaryPath } from './remote-files.ts';
import type { Placed, PlacePlan } from './remote-files.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const RETRIES = [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR];
const TIMEOUT = 2 * MINUTE;
const IDLE = 20 * SECOND;
/** For taking away what a failed attempt left. */
const GRACE = 5 * SECOND;

/** What another attempt goes on with, or overwrites: it is left where it is. */
const UNFINISHED: ReadonlySet<string> = new Set(['TIMEOUT', 'TARGET_UNREACHABLE', 'FENCED']);

/** The channel of a server that has folders of files: FTP, SFTP, WebDAV. */
export function createFileServerChannel<S extends FileServerSettings>(
	server: FileServer<S>,
	clock: Clock,
): Channel {
	const pool = createPool<FileConnection>(clock, { idle: IDLE });

	async function connected<R>(
		settings: S,
		deadline: Deadline,
		work: (connection: FileConnection) => Promise<R>,
	): Promise<R> {
		const { signal } = deadline;
		const use: PoolUse<FileConnection> & { work(connection: FileConnection): Promise<R> } = {
			key: poolKey(settings),
			limit: settings.connections,
			signal,
			waits: deadline,
			open: async () => {
				const way = { signal, onProgress: deadline.progress, step: plainly };
				const opened = server.open(settings, way).catch((error: unknown) => {
					throw server.explain(error, settings);
				});
				return endedBy(signal, opened);
			},
			work: async (connection) => {
				const onAbort = (): void => {
					connection.close();
				};
				signal.addEventListener('abort', onAbort, { once: true });
				try {
					return await endedBy(signal, work(connection));
				} finally {
					signal.removeEventListener('abort', onAbort);
				}
			},
		};
		return pool.use(use);
	}

	/** Nothing depends on it: the next attempt overwrites what is left. */
	async function discard(settings: S, parcel: Parcel): Promise<void> {
		const signal = AbortSignal.any([]);
		const deadline = createDeadline(clock, { signal, timeout: GRACE, silence: GRACE });
		const path = temporaryPath(settings.folder, parcel, server.temporary);
		await connected(settings, deadline, async (connection) => connection.remove(path))
			.catch(() => undefined)
			.finally(() => {
				deadline.end();
			});
	}

	async function send(
		plan: PlacePlan,
		settings: S,
		{ parcel, context }: { parcel: Parcel; context: SendContext },
	): Promise<SendOutcome> {
		const { signal, timeout, attempt } = context;
		const deadline = createDeadline(clock, { signal, timeout, silence: settings.stall });
		let begun = false;
		const onBegin = (): void => {
			begun = true;
		};
		try {
			deadline.signal.throwIfAborted();
			const work = { deadline, attempt, onBegin };
			const { placed, facts } = await connected(settings, deadline, async (connection) => ({
				placed: await placeFile(connection, parcel, { plan, work }),
				facts: { ...connection.facts },
			}));
			return delivered(settings, parcel, { placed, facts, plan });
		} catch (error) {
			const failed = failedWith(error);
			const last = failed.retry === 'never' || attempt > RETRIES.length;
			if (begun && failed.code !== 'FENCED' && (last || !UNFINISHED.has(failed.code))) {
				await discard(settings, parcel);
			}
			return failed;
		} finally {
			deadline.end();
		}
	}

	async function unmark(
		settings: S,
		filename: string,
		{ signal, timeout }: Pick<SendContext, 'signal' | 'timeout'>,
	): Promise<Exclude<SendOutcome, { kind: 'delivered' }> | null> {
		const deadline = createDeadline(clock, { signal, timeout, silence: settings.stall });
		try {
			deadline.signal.throwIfAborted();
			const path = joinPath(settings.folder, filename);
			await connected(settings, deadline, async (connection) => {
				if ((await connection.sizeOf(path)) !== null) await connection.remove(path);
			});
			return null;
		} catch (error) {
			return failedWith(error);
		} finally {
			deadline.end();
		}
	}

	function delivered(
		settings: S,
		{ size, sha256 }: Parcel,
		{ placed, facts, plan }: { placed: Placed; facts: JsonObject; plan: PlacePlan },
	): SendOutcome {
		const remote: JsonObject = { path: placed.path, verified: plan.verify, ...facts };
		if (placed.checksum !== undefined) remote['checksum'] = placed.checksum;
		if (placed.found) remote['found'] = true;
		if (placed.resumedFrom > 0) remote['resumedFrom'] = placed.resumedFrom;
		const location = server.locationOf(settings, placed.path);
		const at = toIso(clock.now());
		return {
			kind: 'delivered',
			receipt: {
				channel: server.name,
				location,
				name: posix.basename(placed.path),
				size,
				sha256,
				remote,
				at,
			},
		};
	}

	return {
		name: server.name,
		title: server.title,
		abilities: {
			streaming: true,
			atomic: server.atomic,
			files: true,
			receipt: 'path and size of the file, after it got its name',
			idempotency:
				'every attempt writes under the same temporary name; a file of the same name and the same bytes counts as delivered',
		},
		limits: { filenameBytes: 255, suffixes: 9999, ...server.limits },
		settings: server.settings,
		secrets: server.secrets,
		retries: RETRIES,
		timeout: TIMEOUT,
		reaches: (settings) => ({ folders: [(settings as S).folder] }),
		async check(settings) {
			await server.check(settings as S);
		},
		prepare(settings, parcel) {
			const { folder, overwrite, mkdir, verify } = settings as S;
			judgeName(parcel.filename);
			const { temporary = 'part' } = server;
			return {
				folder,
				overwrite: overwriteOf(overwrite, parcel),
				mkdir,
				verify,
				temporary,
				filename: parcel.filename,
			};
		},
		send: async (prepared, settings, parcel, context) =>
			send(prepared as unknown as PlacePlan, settings as S, { parcel, context }),
		async unmark(given, { filename }, context) {
			const settings = given as S;
			return settings.overwrite === 'replace' ? unmark(settings, filename, context) : null;
		},
		async probe(settings, context) {
			await probeFiles(settings as S, { server, clock, context });
		},
		async close() {
			pool.close();
			await Promise.resolve();
		},
	};
}

async function plainly<T>(_name: WayIn, act: () => Promise<T>): Promise<T> {
	return act();
}
