import type { S3Client } from '@aws-sdk/client-s3';
import type { Dispatcher } from 'undici';

import type { Clock } from '../../clock.ts';
import type { CapError } from '../../contract/errors.ts';
import { inputError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel } from '../channel.port.ts';
import { CertifiedDispatchers } from '../shared/certified.ts';
import type { Bucket, ObjectStore } from '../shared/object-store.port.ts';
import { createObjectStoreChannel } from '../shared/object-store.ts';
import { poolKey } from '../shared/pool.ts';
import { s3Error, statusOf } from './failure.ts';
import { putObject, sweepUploads } from './put.ts';
import type { Sdk, Store } from './put.ts';
import { createRequestHandler } from './request-handler.ts';
import type { S3Settings } from './settings.ts';
import { s3SettingsSchema } from './settings.ts';

export interface S3ChannelOptions {
	egress: Egress;
	clock: Clock;
	/** Tenants that may use what the SDK finds in the engine's surroundings; `*`: all. */
	identityFor: readonly string[];
}

const CLIENTS = 64;

/** Uploads to S3 and to stores that speak its protocol. */
export function createS3Channel({ egress, clock, identityFor }: S3ChannelOptions): Channel {
	const certified = new CertifiedDispatchers(egress);
	const dispatcherFor = (ca: string | undefined): Dispatcher =>
		certified.of({ ca }) ?? egress.dispatcher;
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
				requestHandler: createRequestHandler(() => dispatcherFor(settings.ca), progressOf) as never,
				...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
				...credentialsOf(settings),
			});
			clients.set(key, client);
			const [oldest] = clients.keys();
			if (clients.size > CLIENTS && oldest !== undefined) clients.delete(oldest);
		}
		return { client, sdk };
	}

	function mayUse(tenant: string, { accessKeyId }: S3Settings): boolean {
		return accessKeyId !== undefined || identityFor.includes('*') || identityFor.includes(tenant);
	}

	const store: ObjectStore<S3Settings> = {
		name: 's3',
		title: 'S3',
		receipt: 'key, ETag, version and checksum that the store answered',
		limits: { keyBytes: 1024 },
		settings: s3SettingsSchema,
		secrets: ['secretAccessKey', 'sessionToken'],
		async check(settings) {
			if (settings.accessKeyId === undefined && identityFor.length === 0) throw noIdentity();
			await egress.checkUrl(endpointOf(settings), 'endpoint');
		},
		placeOf(settings, tenant) {
			if (!mayUse(tenant, settings)) throw noIdentity();
			return { bucket: settings.bucket };
		},
		async addresses(settings) {
			const { hostname, port, protocol } = new URL(endpointOf(settings));
			const plain = protocol === 'http:';
			const number = Number(port) || (plain ? 80 : 443);
			return (await egress.addressesOf(hostname, number, { path: 'endpoint', plain })).length;
		},
		conditional: ({ conditional }) => conditional,
		async open(settings, deadline) {
			progressOf.set(deadline.signal, deadline.progress);
			return bucketOf({ ...(await clientFor(settings)), settings, deadline });
		},
		forTests: ({ storageClass: _, ...settings }) => settings,
		explain: (error, { secretAccessKey, sessionToken }) =>
			s3Error(error, [secretAccessKey, sessionToken]),
		locationOf: ({ bucket }, key) => `s3://${bucket}/${key}`,
		async close() {
			clients.clear();
			await certified.close();
		},
	};
	return createObjectStoreChannel(store, clock);
}

function bucketOf(store: Store): Bucket {
	const { client, sdk, settings, deadline } = store;
	const { bucket: Bucket } = settings;
	const options = { abortSignal: deadline.signal };
	return {
		async head(Key) {
			try {
				const head = await client.send(new sdk.HeadObjectCommand({ Bucket, Key }), options);
				const { ETag: etag, VersionId: version, ContentLength: size, Metadata } = head;
				const sha256 = Metadata?.['capscheduler-sha256'];
				return { size, sha256, about: known({ etag, version }) };
			} catch (error) {
				if (statusOf(error) === 404) return null;
				// who may write need not be allowed to read: then it is there, and not known to be ours
				if (statusOf(error) === 403) return { size: undefined, sha256: undefined, about: {} };
				throw error;
			}
		},
		async put(key, parcel, { create, attempt }) {
			if (attempt > 1) await sweepUploads(store, key, parcel);
			return known({ ...(await putObject(store, key, { parcel, create })) });
		},
		meaning(error) {
			if (statusOf(error) === 412) return 'taken';
			// a lost answer: the SDK asked again, and the store has no such upload any more
			return statusOf(error) === 404 ? 'unsure' : null;
		},
		async read(Key) {
			const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key }), options);
			return Body as unknown as AsyncIterable<Uint8Array>;
		},
		async remove(Key) {
			await client.send(new sdk.DeleteObjectCommand({ Bucket, Key }), options);
		},
	};
}

/** Without what the store did not tell. */
function known(facts: Record<string, string | number | undefined>): JsonObject {
	const entries = Object.entries(facts).filter(([, value]) => value !== undefined);
	return Object.fromEntries(entries) as JsonObject;
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
