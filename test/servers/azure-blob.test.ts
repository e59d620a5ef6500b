/** @jest-environment ./test/support/node-errors.cjs */

import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { createHash } from 'node:crypto';

import { createAzureBlobChannel } from '../../engine/channels/azure-blob/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
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
				// what was made a moment before it died may be lost with it
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
