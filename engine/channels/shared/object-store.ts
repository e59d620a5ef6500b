import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import { toIso } from '../../contract/time.ts';
import type { Channel, Parcel, ProbeContext, SendContext, SendOutcome } from '../channel.port.ts';
import { createDeadline } from './deadline.ts';
import { failedWith } from './failed.ts';
import { judgeName, namesFor, overwriteOf } from './names.ts';
import type { Bucket, ObjectHead, ObjectStore, ObjectStoreSettings } from './object-store.port.ts';
import { parcelOfProbe, probeFile, runProbe } from './probe.ts';
import { joinPath } from './remote-files.ts';
import { collect } from './source.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const RETRIES = [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR];
const TIMEOUT = 2 * MINUTE;
/** Below it, uploading and being refused costs less than asking first. */
const ASK_FIRST = 8_388_608;

/** The channel of a store of objects, which appear whole or not at all: S3, Azure, Google. */
export function createObjectStoreChannel<S extends ObjectStoreSettings>(
	store: ObjectStore<S>,
	clock: Clock,
): Channel {
	async function send(
		settings: S,
		parcel: Parcel,
		{ signal, timeout, attempt }: SendContext,
	): Promise<SendOutcome> {
		const deadline = createDeadline(clock, { signal, timeout, silence: settings.stall });
		try {
			deadline.signal.throwIfAborted();
			const bucket = await store.open(settings, deadline);
			const how = { settings, conditional: store.conditional(settings), attempt };
			const { key, about, found } = await place(bucket, parcel, {
				...how,
				signal: deadline.signal,
			});
			const { size, sha256 } = parcel;
			const remote: JsonObject = { ...store.placeOf(settings, parcel.tenant), key, ...about };
			if (found) remote['found'] = true;
			const location = store.locationOf(settings, key);
			const at = toIso(clock.now());
			return {
				kind: 'delivered',
				receipt: {
					channel: store.name,
					location,
					name: posix.basename(key),
					size,
					sha256,
					remote,
					at,
				},
			};
		} catch (error) {
			const reason: unknown = deadline.signal.aborted ? deadline.signal.reason : error;
			return failedWith(store.explain(reason, settings));
		} finally {
			deadline.end();
		}
	}

	async function unmark(
		settings: S,
		{ filename }: Parcel,
		{ signal, timeout }: Pick<SendContext, 'signal' | 'timeout'>,
	): Promise<Exclude<SendOutcome, { kind: 'delivered' }> | null> {
		const deadline = createDeadline(clock, { signal, timeout, silence: settings.stall });
		try {
			const bucket = await store.open(settings, deadline);
			const key = joinPath(settings.folder.replace(/^\//, ''), filename);
			// a key that may look needs no right to delete as long as there is none
			if ((await bucket.head(key)) !== null) await bucket.remove(key);
			return null;
		} catch (error) {
			const reason: unknown = deadline.signal.aborted ? deadline.signal.reason : error;
			return failedWith(store.explain(reason, settings));
		} finally {
			deadline.end();
		}
	}

	return {
		name: store.name,
		title: store.title,
		abilities: {
			streaming: true,
			atomic: true,
			files: true,
			receipt: store.receipt,
			idempotency:
				'an object of the same name, with the SHA-256 that it was stored with, counts as delivered',
		},
		limits: { filenameBytes: 255, suffixes: 9999, ...store.limits },
		settings: store.settings,
		secrets: store.secrets,
		retries: RETRIES,
		timeout: TIMEOUT,
		reaches: (settings) => ({ folders: [(settings as S).folder.replace(/^\//, '')] }),
		check: async (settings) => store.check(settings as S),
		prepare(given, parcel): JsonObject {
			const settings = given as S;
			judgeName(parcel.filename);
			const { folder } = settings;
			const overwrite = overwriteOf(settings.overwrite, parcel);
			const place = store.placeOf(settings, parcel.tenant);
			return { ...place, folder, filename: parcel.filename, overwrite };
		},
		send: async (_prepared, settings, parcel, context) => send(settings as S, parcel, context),
		async unmark(given, marker, context) {
			const settings = given as S;
			return settings.overwrite === 'replace' ? unmark(settings, marker, context) : null;
		},
		probe: async (settings, context) => probe(store, settings as S, { clock, context }),
		close: async () => store.close(),
	};
}

/** Where the parcel lies; what it said of itself when it was stored, or finds of an earlier attempt. */
async function place(
	bucket: Bucket,
	parcel: Parcel,
	{
		settings: { folder, overwrite: wanted },
		conditional,
		attempt,
		signal,
	}: {
		settings: ObjectStoreSettings;
		conditional: boolean;
		attempt: number;
		signal: AbortSignal;
	},
): Promise<{ key: string; about: JsonObject; found: boolean }> {
	const overwrite = overwriteOf(wanted, parcel);
	const replaces = overwrite === 'replace';
	for (const name of namesFor(parcel.filename, overwrite)) {
		signal.throwIfAborted();
		const key = joinPath(folder.replace(/^\//, ''), name);
		const ask = attempt > 1 || (!replaces && (!conditional || parcel.size > ASK_FIRST));
		const there = ask ? await bucket.head(key) : null;
		if (there !== null && isSame(there, parcel)) return { key, about: there.about, found: true };
		if (there !== null && !replaces) continue;
		try {
			const about = await bucket.put(key, parcel, { create: !replaces && conditional, attempt });
			return { key, about, found: false };
		} catch (error) {
			const meaning = bucket.meaning(error);
			if (meaning === null) throw error;
			const now = await bucket.head(key);
			if (now !== null && isSame(now, parcel)) return { key, about: now.about, found: true };
			if (meaning === 'unsure') throw error;
		}
	}
	const name = JSON.stringify(parcel.filename);
	throw new CapError('TARGET_REFUSED', `an object named ${name} is already there`);
}

function isSame(there: ObjectHead, { size, sha256 }: Parcel): boolean {
	return there.size === size && there.sha256 === sha256;
}

/** Goes the way of a delivery: writes a small object, reads it back and removes it. */
async function probe<S extends ObjectStoreSettings>(
	store: ObjectStore<S>,
	settings: S,
	{ clock, context }: { clock: Clock; context: ProbeContext },
): Promise<void> {
	const file = probeFile(randomBytes(4).toString('hex'));
	const key = joinPath(settings.folder.replace(/^\//, ''), file.name);
	const deadline = { signal: context.signal, progress: () => undefined };
	await runProbe(
		async ({ step }) => {
			await step('dns', async () => {
				const count = await store.addresses(settings);
				return { value: undefined, detail: count === 1 ? '1 address' : `${count} addresses` };
			});
			const bucket = await step('write', async () => {
				const value = await store.open(store.forTests(settings), deadline);
				const create = store.conditional(settings);
				await value.put(key, parcelOfProbe(file), { create, attempt: 1 });
				return { value, detail: `${key}, ${file.bytes.length} bytes` };
			});
			try {
				await step('read', async () => {
					const there = await collect(await bucket.read(key));
					if (Buffer.compare(there, file.bytes) !== 0) {
						throw new CapError('TARGET_FAULT', 'other bytes were read than had been written');
					}
					return { value: undefined, detail: 'the same bytes' };
				});
			} finally {
				await step('delete', async () => {
					await bucket.remove(key);
					return { value: undefined };
				});
			}
		},
		{ clock, context, explain: (error) => store.explain(error, settings) },
	);
}
