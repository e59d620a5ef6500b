import type { S3Client } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';

import type { Clock } from '../../clock.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import { toIso } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import { createDeadline } from '../shared/deadline.ts';
import { failedWith } from '../shared/failed.ts';
import { createGuardedHttp } from '../shared/guarded-http.ts';
import { judgeName, namesFor, overwriteOf } from '../shared/names.ts';
import { poolKey } from '../shared/pool.ts';
import { probeFile, runProbe } from '../shared/probe.ts';
import { joinPath } from '../shared/remote-files.ts';
import { collect } from '../shared/source.ts';
import { s3Error, statusOf } from './failure.ts';
import { isTaken, putObject, sweepUploads } from './put.ts';
import type { Sdk, Store, Stored } from './put.ts';
import { createRequestHandler } from './request-handler.ts';
import type { S3Settings } from './settings.ts';
import { s3SettingsSchema } from './settings.ts';

export interface S3ChannelOptions {
	egress: Egress;
	clock: Clock;
	/** Tenants that may use what the SDK finds in the engine's surroundings; `*`: all. */
	identityFor: readonly string[];
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const RETRIES = [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR];
const TIMEOUT = 2 * MINUTE;
const CLIENTS = 64;
/** Below it, uploading and being refused costs less than asking first. */
const ASK_FIRST = 8_388_608;

/** Uploads to S3 and to stores that speak its protocol. */
export function createS3Channel({ egress, clock, identityFor }: S3ChannelOptions): Channel {
	const http = createGuardedHttp(egress);
	const clients = new Map<string, S3Client>();
	const progressOf = new WeakMap<AbortSignal, () => void>();

	/** The SDK is loaded by the first delivery: it takes a third of a second, and 20 MB. */
	async function clientFor(settings: S3Settings): Promise<{ client: S3Client; sdk: Sdk }> {
		const sdk = await import('@aws-sdk/client-s3');
		const key = poolKey(settings);
		let client = clients.get(key);
		if (!client) {
			client = new sdk.S3Client({
				region: settings.region,
				forcePathStyle: settings.pathStyle,
				followRegionRedirects: false,
				maxAttempts: 3,
				requestChecksumCalculation:
					settings.checksum === 'none' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED',
				responseChecksumValidation: 'WHEN_REQUIRED',
				requestHandler: createRequestHandler(http.dispatcherFor(settings.ca), progressOf) as never,
				...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
				...credentialsOf(settings),
			});
			clients.set(key, client);
			const [oldest] = clients.keys();
			if (clients.size > CLIENTS && oldest !== undefined) clients.delete(oldest);
		}
		return { client, sdk };
	}

	async function headOf({ client, sdk, settings, deadline }: Store, key: string) {
		try {
			const command = new sdk.HeadObjectCommand({ Bucket: settings.bucket, Key: key });
			return await client.send(command, { abortSignal: deadline.signal });
		} catch (error) {
			if (statusOf(error) === 404) return null;
			// who may write need not be allowed to read: then it is there, and not known to be ours
			if (statusOf(error) === 403) return { Metadata: {} };
			throw error;
		}
	}

	/** Where the parcel lies; what it said of itself when it was stored, or finds of an earlier attempt. */
	async function place(
		store: Store,
		{ parcel, attempt }: { parcel: Parcel; attempt: number },
	): Promise<{ key: string; stored: Stored; found: boolean }> {
		const { settings } = store;
		const overwrite = overwriteOf(settings.overwrite, parcel);
		for (const name of namesFor(parcel.filename, overwrite)) {
			store.deadline.signal.throwIfAborted();
			const key = joinPath(settings.folder.replace(/^\//, ''), name);
			const ask =
				attempt > 1 ||
				(overwrite !== 'replace' && (!settings.conditional || parcel.size > ASK_FIRST));
			const there = ask ? await headOf(store, key) : null;
			if (there !== null && isSame(there, parcel)) return foundAt(key, there);
			if (there !== null && overwrite !== 'replace') continue;
			if (attempt > 1 && parcel.size > ASK_FIRST) await sweepUploads(store, key);
			const create = overwrite !== 'replace' && settings.conditional;
			try {
				return { key, stored: await putObject(store, key, { parcel, create }), found: false };
			} catch (error) {
				const status = statusOf(error);
				// a lost answer: the SDK asked again, and the store has no such upload any more, or has the object
				if (!isTaken(error) && status !== 404) throw error;
				const now = await headOf(store, key);
				if (now !== null && isSame(now, parcel)) return foundAt(key, now);
				if (!isTaken(error)) throw error;
			}
		}
		const name = JSON.stringify(parcel.filename);
		throw new CapError('TARGET_REFUSED', `an object named ${name} is already there`);
	}

	function mayUse(tenant: string, { accessKeyId }: S3Settings): boolean {
		return accessKeyId !== undefined || identityFor.includes('*') || identityFor.includes(tenant);
	}

	return {
		name: 's3',
		title: 'S3',
		abilities: {
			streaming: true,
			atomic: true,
			files: true,
			receipt: 'key, ETag, version and checksum that the store answered',
			idempotency:
				'an object of the same name, with the SHA-256 that it was stored with, counts as delivered',
		},
		limits: { filenameBytes: 255, suffixes: 9999, keyBytes: 1024 },
		settings: s3SettingsSchema,
		secrets: ['secretAccessKey', 'sessionToken'],
		retries: RETRIES,
		timeout: TIMEOUT,
		async check(given) {
			const settings = given as S3Settings;
			if (settings.accessKeyId === undefined && identityFor.length === 0) throw noIdentity();
			await egress.checkUrl(endpointOf(settings), 'endpoint');
		},
		prepare(given, parcel): JsonObject {
			const settings = given as S3Settings;
			judgeName(parcel.filename);
			if (!mayUse(parcel.tenant, settings)) throw noIdentity();
			const { bucket, folder } = settings;
			const overwrite = overwriteOf(settings.overwrite, parcel);
			return { bucket, folder, filename: parcel.filename, overwrite };
		},
		async send(_prepared, given, parcel, { signal, timeout, attempt }) {
			const settings = given as S3Settings;
			const deadline = createDeadline(clock, { signal, timeout, silence: settings.stall });
			progressOf.set(deadline.signal, deadline.progress);
			try {
				deadline.signal.throwIfAborted();
				const store = { ...(await clientFor(settings)), settings, deadline };
				const { key, stored, found } = await place(store, { parcel, attempt });
				const { size, sha256 } = parcel;
				const remote: JsonObject = { bucket: settings.bucket, key };
				for (const [name, value] of Object.entries<string | number | undefined>({ ...stored })) {
					if (value !== undefined) remote[name] = value;
				}
				if (found) remote['found'] = true;
				const location = `s3://${settings.bucket}/${key}`;
				const at = toIso(clock.now());
				return {
					kind: 'delivered',
					receipt: {
						channel: 's3',
						location,
						name: posix.basename(key),
						size,
						sha256,
						remote,
						at,
					},
				};
			} catch (error) {
				const aborted = deadline.signal.aborted;
				const reason: unknown = aborted ? deadline.signal.reason : error;
				return failedWith(s3Error(reason, [settings.secretAccessKey, settings.sessionToken]));
			} finally {
				deadline.end();
			}
		},
		async probe(given, context) {
			const settings = given as S3Settings;
			const file = probeFile(randomBytes(4).toString('hex'));
			const { bucket: Bucket } = settings;
			const where = { Bucket, Key: joinPath(settings.folder.replace(/^\//, ''), file.name) };
			const options = { abortSignal: context.signal };
			await runProbe(
				async ({ step }) => {
					await step('dns', async () => {
						const { hostname, port, protocol } = new URL(endpointOf(settings));
						const plain = protocol === 'http:';
						const found = await egress.addressesOf(hostname, Number(port) || (plain ? 80 : 443), {
							path: 'endpoint',
							plain,
						});
						return { value: undefined, detail: `${found.length} address(es)` };
					});
					const { client, sdk } = await clientFor(settings);
					await step('write', async () => {
						const put = new sdk.PutObjectCommand({ ...where, Body: file.bytes });
						await client.send(put, options);
						return { value: undefined, detail: `${where.Key}, ${file.bytes.length} bytes` };
					});
					try {
						await step('read', async () => {
							const { Body } = await client.send(new sdk.GetObjectCommand(where), options);
							const there = await collect(Body as unknown as AsyncIterable<Uint8Array>);
							if (Buffer.compare(there, file.bytes) !== 0) {
								throw new CapError('TARGET_FAULT', 'other bytes were read than had been written');
							}
							return { value: undefined, detail: 'the same bytes' };
						});
					} finally {
						await step('delete', async () => {
							await client.send(new sdk.DeleteObjectCommand(where), options);
							return { value: undefined };
						});
					}
				},
				{
					clock,
					context,
					explain: (error) => s3Error(error, [settings.secretAccessKey, settings.sessionToken]),
				},
			);
		},
		async close() {
			clients.clear();
			await http.close();
		},
	};
}

interface Head {
	ContentLength?: number | undefined;
	Metadata?: Record<string, string> | undefined;
	ETag?: string | undefined;
	VersionId?: string | undefined;
}

function isSame({ ContentLength, Metadata }: Head, { size, sha256 }: Parcel): boolean {
	return ContentLength === size && Metadata?.['capscheduler-sha256'] === sha256;
}

function foundAt(key: string, { ETag, VersionId }: Head) {
	return { key, stored: { etag: ETag, version: VersionId }, found: true };
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken }: S3Settings) {
	if (accessKeyId === undefined || secretAccessKey === undefined) return {};
	const session = sessionToken === undefined ? {} : { sessionToken };
	return { credentials: { accessKeyId, secretAccessKey, ...session } };
}

function endpointOf({ endpoint, region, bucket, pathStyle }: S3Settings): string {
	if (endpoint === undefined) return `https://s3.${region}.amazonaws.com`;
	if (pathStyle) return endpoint;
	const url = new URL(endpoint);
	return `${url.protocol}//${bucket}.${url.host}`;
}

function noIdentity(): CapError {
	return inputError('INVALID_REQUEST', {
		path: 'accessKeyId',
		expected:
			'an access key; the engine lends its own identity only to tenants in CAPSCHEDULER_CLOUD_IDENTITY',
	});
}
