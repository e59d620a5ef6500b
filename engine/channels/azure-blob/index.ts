import type { ContainerClient } from '@azure/storage-blob';
import type { Dispatcher } from 'undici';

import type { Clock } from '../../clock.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { CertifiedDispatchers } from '../shared/certified.ts';
import { createTokenSource } from '../shared/oauth-token.ts';
import type { Bucket, ObjectStore } from '../shared/object-store.port.ts';
import { createObjectStoreChannel } from '../shared/object-store.ts';
import { poolKey } from '../shared/pool.ts';
import { azureError, toldBy } from './failure.ts';
import { createHttpClient } from './http-client.ts';
import { putBlob } from './put.ts';
import { azureSettingsSchema, endpointOf, secretsOf } from './settings.ts';
import type { AzureSettings } from './settings.ts';

const SCOPE = 'https://storage.azure.com/.default';
const RETRIES = { maxTries: 3, retryDelayInMs: 500, maxRetryDelayInMs: 4000 };

/** Uploads block blobs to Azure Storage. */
export function createAzureBlobChannel({
	egress,
	clock,
}: {
	egress: Egress;
	clock: Clock;
}): Channel {
	const certified = new CertifiedDispatchers(egress);
	const dispatcherFor = (ca: string | undefined): Dispatcher =>
		certified.of({ ca }) ?? egress.dispatcher;
	const tokens = createTokenSource(clock);

	/** The SDK is loaded by the first delivery: it takes 0.4 s, and 28 MB. */
	async function containerOf(
		settings: AzureSettings,
		{ signal, progress }: Pick<Deadline, 'signal' | 'progress'>,
	): Promise<ContainerClient> {
		const sdk = await import('@azure/storage-blob');
		const { account, container, accountKey, sas } = settings;
		const httpClient = createHttpClient(() => dispatcherFor(settings.ca), progress);
		const credential =
			accountKey !== undefined
				? new sdk.StorageSharedKeyCredential(account, accountKey)
				: sas !== undefined
					? new sdk.AnonymousCredential()
					: { getToken: async () => tokenOf(settings, signal) };
		const pipeline = sdk.newPipeline(credential, { httpClient, retryOptions: RETRIES });
		const signature = sas === undefined ? '' : `?${sas.replace(/^\?/, '')}`;
		return new sdk.ContainerClient(`${endpointOf(settings)}/${container}${signature}`, pipeline);
	}

	async function tokenOf(settings: AzureSettings, signal: AbortSignal) {
		const { authority, tenantId = '', clientId = '', clientSecret = '', ca } = settings;
		const { token, expiresAt } = await tokens.get({
			key: poolKey([authority, tenantId, clientId, clientSecret, ca]),
			url: `${authority.replace(/\/+$/, '')}/${tenantId}/oauth2/v2.0/token`,
			form: () => ({
				grant_type: 'client_credentials',
				client_id: clientId,
				client_secret: clientSecret,
				scope: SCOPE,
			}),
			dispatcher: dispatcherFor(ca),
			signal,
			secrets: [clientSecret],
		});
		return { token, expiresOnTimestamp: expiresAt };
	}

	const store: ObjectStore<AzureSettings> = {
		name: 'azure-blob',
		title: 'Azure Blob Storage',
		receipt: 'name, ETag, version and MD5 of the blob, after its blocks were listed',
		limits: { keyBytes: 1024 },
		settings: azureSettingsSchema,
		secrets: ['accountKey', 'sas', 'clientSecret'],
		async check(settings) {
			await egress.checkUrl(endpointOf(settings), 'endpoint');
			if (settings.clientSecret !== undefined) {
				await egress.checkUrl(settings.authority, 'authority');
			}
		},
		placeOf: ({ account, container }) => ({ account, container }),
		async addresses(settings) {
			const { hostname, port, protocol } = new URL(endpointOf(settings));
			const plain = protocol === 'http:';
			const number = Number(port) || (plain ? 80 : 443);
			return (await egress.addressesOf(hostname, number, { path: 'endpoint', plain })).length;
		},
		conditional: () => true,
		async open(settings, deadline) {
			return bucketOf(await containerOf(settings, deadline), { settings, deadline });
		},
		forTests: ({ tier: _, ...settings }) => settings,
		explain: (error, settings) => azureError(error, secretsOf(settings)),
		locationOf: (settings, key) =>
			`${endpointOf(settings)}/${settings.container}/${key.split('/').map(encodeURIComponent).join('/')}`,
		close: async () => certified.close(),
	};
	return createObjectStoreChannel(store, clock);
}

function bucketOf(
	container: ContainerClient,
	about: { settings: AzureSettings; deadline: Pick<Deadline, 'signal' | 'progress'> },
): Bucket {
	const { signal: abortSignal } = about.deadline;
	return {
		async head(key) {
			try {
				const head = await container.getBlobClient(key).getProperties({ abortSignal });
				const { contentLength: size, metadata, etag, versionId } = head;
				const version = versionId === undefined ? {} : { version: versionId };
				return {
					size,
					sha256: metadata?.['capscheduler_sha256'],
					about: { ...(etag === undefined ? {} : { etag }), ...version },
				};
			} catch (error) {
				const { status, code } = toldBy(error);
				if (status === 404 && code !== 'ContainerNotFound') return null;
				// who may write need not be allowed to read: then it is there, and not known to be ours
				const blind = status === 403 && code.startsWith('Authorization');
				if (blind) return { size: undefined, sha256: undefined, about: {} };
				throw error;
			}
		},
		put: async (key, parcel, options) =>
			putBlob(container.getBlockBlobClient(key), parcel, { ...about, ...options }),
		meaning(error) {
			const { status, code } = toldBy(error);
			if (code === 'BlobAlreadyExists' || code === 'UnauthorizedBlobOverwrite') return 'taken';
			// a lost answer: the SDK asked again, and the blocks are a blob by now, or another writer's
			return status === 400 && code === 'InvalidBlockList' ? 'unsure' : null;
		},
		async read(key) {
			const answer = await container.getBlobClient(key).download(0, undefined, { abortSignal });
			return answer.readableStreamBody as AsyncIterable<Uint8Array>;
		},
		async remove(key) {
			await container.getBlobClient(key).deleteIfExists({ abortSignal });
		},
	};
}
