/** @jest-environment ./test/support/node-errors.cjs */

import {
	ContainerClient,
	ContainerSASPermissions,
	StorageSharedKeyCredential,
	generateBlobSASQueryParameters,
} from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import type { Parcel, SendOutcome } from '../../engine/channels/channel.port.ts';
import { createAzureBlobChannel } from '../../engine/channels/azure-blob/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import { largeParcel, parcelOf } from '../support/parcels.ts';
import { ACCOUNT, CONTAINER, startAzurite } from './azurite.ts';
import type { AzureStorage } from './azurite.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { Content } from './folder-contents.ts';

/** Looks into the store by the library alone, over sockets of its own. */
function readerOf({ port, accountKey, ca }: AzureStorage): ContainerClient {
	const options = { tlsOptions: { ca }, retryOptions: { maxTries: 1 } };
	const credential = new StorageSharedKeyCredential(ACCOUNT, accountKey);
	const url = `https://127.0.0.1:${port}/${ACCOUNT}/${CONTAINER}`;
	return new ContainerClient(url, credential, options);
}

async function contentsOf(container: ContainerClient): Promise<Content[]> {
	const contents: Content[] = [];
	for await (const { name } of container.listBlobsFlat()) {
		const { readableStreamBody } = await container.getBlobClient(name).download();
		const hash = createHash('sha256');
		let size = 0;
		for await (const chunk of readableStreamBody as AsyncIterable<Uint8Array>) {
			hash.update(chunk);
			size += chunk.length;
		}
		contents.push({ path: name, size, sha256: hash.digest('hex') });
	}
	return contents;
}

exerciseChannelServer(
	'azure-blob at Azurite',
	async () => {
		const server = await startAzurite();
		const other = await startAzurite();
		await other.kill();
		const faults = startFaultProxy();
		const port = await faults.proxy({ host: '127.0.0.1', port: server.port });
		const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
		const container = readerOf(server);
		await container.createIfNotExists();
		return {
			channel: createAzureBlobChannel({ egress, clock: systemClock }),
			settings: {
				account: ACCOUNT,
				container: CONTAINER,
				endpoint: `https://127.0.0.1:${port}/${ACCOUNT}`,
				accountKey: server.accountKey,
				ca: server.ca,
			},
			wrong: {
				password: { accountKey: Buffer.from('wrong-secret'.repeat(5)).toString('base64') },
				identity: { settings: { ca: other.ca }, code: 'TARGET_PROTOCOL' },
			},
			faults,
			isThere: async (path) => container.getBlobClient(path).exists(),
			kill: server.kill,
			async start() {
				await server.start();
				await container.createIfNotExists();
			},
			contents: async () => contentsOf(container),
			async clear() {
				for await (const { name } of container.listBlobsFlat()) await container.deleteBlob(name);
			},
			folders: false,
			resumes: false,
			async cleanup() {
				await egress.close();
				await faults.stop();
				await server.stop();
				await other.stop();
			},
		};
	},
	{ flat: 64_000_000 },
);

describe('azure-blob, more of Azurite', () => {
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	const channel = createAzureBlobChannel({ egress, clock: systemClock });
	let server: AzureStorage;
	let container: ContainerClient;

	beforeAll(async () => {
		server = await startAzurite();
		container = readerOf(server);
		await container.create();
	}, 300_000);
	beforeEach(async () => {
		for await (const { name } of container.listBlobsFlat()) await container.deleteBlob(name);
	});
	afterAll(async () => {
		await channel.close?.();
		await egress.close();
		await server.stop();
	});

	async function send(
		parcel: Parcel,
		change: object = {},
		{ attempt = 1, signal = new AbortController().signal } = {},
	): Promise<SendOutcome> {
		const settings = channel.settings.parse({
			account: ACCOUNT,
			container: CONTAINER,
			endpoint: `https://127.0.0.1:${server.port}/${ACCOUNT}`,
			ca: server.ca,
			...change,
		});
		const prepared = channel.prepare(settings, parcel);
		return channel.send(prepared, settings, parcel, { signal, attempt, timeout: 60_000 });
	}

	const signed = (permissions: string): string =>
		generateBlobSASQueryParameters(
			{
				containerName: CONTAINER,
				permissions: ContainerSASPermissions.parse(permissions),
				expiresOn: new Date(Date.now() + 3_600_000),
			},
			new StorageSharedKeyCredential(ACCOUNT, server.accountKey),
		).toString();

	it.each([
		['one request', 100_000],
		['blocks', 20_000_000],
	])('keeps type, name, tier, tags, metadata and MD5 of what came in %s', async (_how, size) => {
		const parcel = largeParcel(size, { filename: `Übersicht ${size}.csv` });
		const outcome = await send(parcel, {
			accountKey: server.accountKey,
			folder: 'daily',
			tier: 'Cool',
			tags: { team: 'sales / ops' },
			metadata: { origin: 'crm' },
			disposition: 'attachment',
			cacheControl: 'no-store',
		});
		const key = `daily/${parcel.filename}`;
		const blob = container.getBlobClient(key);
		const head = await blob.getProperties();
		expect(outcome).toMatchObject({
			kind: 'delivered',
			receipt: {
				location: `https://127.0.0.1:${server.port}/${ACCOUNT}/${CONTAINER}/daily/%C3%9Cbersicht%20${size}.csv`,
				remote: { account: ACCOUNT, container: CONTAINER, key, etag: head.etag },
			},
		});
		const hash = createHash('md5').update(await blob.downloadToBuffer());
		expect(head).toMatchObject({
			contentLength: size,
			contentType: parcel.contentType,
			contentDisposition: expect.stringContaining(`filename*=UTF-8''%C3%9Cbersicht`),
			cacheControl: 'no-store',
			accessTier: 'Cool',
			metadata: { origin: 'crm', capscheduler_sha256: parcel.sha256 },
		});
		expect(Buffer.from(head.contentMD5 ?? []).toString('hex')).toBe(hash.digest('hex'));
		expect((await blob.getTags()).tags).toEqual({ team: 'sales / ops' });
	});

	it('takes a shared access signature, which no word tells of, and says what it does not allow', async () => {
		const sas = signed('rwd');
		const outcome = await send(parcelOf('x'), { sas });
		expect(outcome).toMatchObject({ kind: 'delivered' });
		expect(JSON.stringify(outcome)).not.toContain('sig=');
		const blind = await send(parcelOf('y', { filename: 'blind.csv' }), { sas: signed('w') });
		expect(blind).toMatchObject({ kind: 'delivered' });
		const refused = await send(parcelOf('y', { filename: 'other.csv' }), { sas: signed('r') });
		expect(refused).toMatchObject({ kind: 'failed', code: 'TARGET_REFUSED', retry: 'later' });
		expect(JSON.stringify(refused)).not.toContain('sig=');
		expect((await contentsOf(container)).map(({ path }) => path)).toEqual([
			'blind.csv',
			'report.csv',
		]);
	});

	it('goes on with the blocks that an earlier attempt left, and only with its own', async () => {
		const controller = new AbortController();
		const parcel = largeParcel(30_000_000, {
			async onChunk(sent) {
				if (sent > 28_000_000) controller.abort();
				await Promise.resolve();
			},
		});
		const credentials = { accountKey: server.accountKey };
		const { signal } = controller;
		expect(await send(parcel, credentials, { signal })).toMatchObject({ code: 'CANCELLED' });
		expect(await contentsOf(container)).toEqual([]);
		const second = await send(parcel, credentials, { attempt: 2 });
		expect(second).toMatchObject({
			kind: 'delivered',
			receipt: { remote: { blocks: 4, resumedFrom: expect.any(Number) } },
		});
		const { filename, size, sha256 } = parcel;
		expect(await contentsOf(container)).toEqual([{ path: filename, size, sha256 }]);
		await container.deleteBlob(filename);
		const other = { ...parcel, deliveryId: 'dlv_other' };
		const third = await send(other, credentials, { attempt: 2 });
		expect(third.kind === 'delivered' && third.receipt.remote['resumedFrom']).toBeUndefined();
	});

	it('gets its token as an application, once, and says why it gets none', async () => {
		const forms: URLSearchParams[] = [];
		const authority = createServer({ cert: server.ca, key: server.key }, (request, answer) => {
			void text(request).then((body) => {
				const form = new URLSearchParams(body);
				forms.push(form);
				const now = Math.floor(Date.now() / 1000);
				const right = form.get('client_secret') === 'app-secret';
				const claims = {
					aud: 'https://storage.azure.com',
					iss: 'https://sts.windows.net/tenant/',
					nbf: now - 60,
					iat: now - 60,
					exp: now + 3600,
				};
				const part = (value: object): string =>
					Buffer.from(JSON.stringify(value)).toString('base64url');
				const token = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2ln`;
				answer.writeHead(right ? 200 : 401, { 'content-type': 'application/json' });
				answer.end(
					JSON.stringify(
						right
							? { access_token: token, expires_in: 3600 }
							: { error: 'invalid_client', error_description: 'AADSTS7000215: wrong secret' },
					),
				);
			});
		}).listen(0, '127.0.0.1');
		await once(authority, 'listening');
		try {
			const { port } = authority.address() as AddressInfo;
			const application = {
				tenantId: 'example.onmicrosoft.com',
				clientId: '11111111-2222-3333-4444-555555555555',
				authority: `https://127.0.0.1:${port}`,
			};
			for (const name of ['1.csv', '2.csv']) {
				const parcel = parcelOf(name, { filename: name });
				const outcome = await send(parcel, { ...application, clientSecret: 'app-secret' });
				expect(outcome).toMatchObject({ kind: 'delivered' });
			}
			expect(forms.map((form) => form.get('scope'))).toEqual([
				'https://storage.azure.com/.default',
			]);
			const refused = await send(parcelOf('x'), { ...application, clientSecret: 'wrong-secret' });
			expect(refused).toMatchObject({
				kind: 'failed',
				code: 'TARGET_LOGIN_FAILED',
				message: expect.stringContaining('AADSTS7000215'),
			});
			expect(JSON.stringify(refused)).not.toContain('wrong-secret');
		} finally {
			authority.close();
			authority.closeAllConnections();
		}
	});

	it('names the container that is not there', async () => {
		const change = { accountKey: server.accountKey, container: 'nowhere' };
		expect(await send(parcelOf('x'), change)).toMatchObject({
			kind: 'failed',
			code: 'TARGET_UNREACHABLE',
			message: expect.stringContaining('container'),
		});
	});
});
