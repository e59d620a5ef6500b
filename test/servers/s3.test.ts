/** @jest-environment ./test/support/node-errors.cjs */

import {
	CreateBucketCommand,
	DeleteObjectCommand,
	GetObjectCommand,
	GetObjectTaggingCommand,
	HeadObjectCommand,
	ListObjectsV2Command,
	S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';

import type { Parcel, SendOutcome } from '../../engine/channels/channel.port.ts';
import { createS3Channel } from '../../engine/channels/s3/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import { largeParcel } from '../support/parcels.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { Content } from './folder-contents.ts';
import { contentsOf, emptyFolder } from './folder-contents.ts';
import { startMinio } from './minio.ts';
import { ACCESS_KEY, BUCKET, SECRET_KEY, startVersitygw } from './versitygw.ts';

/** The channel, and settings for a server behind a proxy, in front of which another certificate can be expected. */
async function channelTo(server: { port: number; cert: string }, other: { cert: string }) {
	const faults = startFaultProxy();
	const port = await faults.proxy({ host: '127.0.0.1', port: server.port });
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	return {
		faults,
		channel: createS3Channel({ egress, clock: systemClock, identityFor: [] }),
		settings: {
			bucket: BUCKET,
			endpoint: `https://127.0.0.1:${port}`,
			pathStyle: true,
			accessKeyId: ACCESS_KEY,
			secretAccessKey: SECRET_KEY,
			ca: await readFile(server.cert, 'utf8'),
		},
		wrong: {
			password: { secretAccessKey: 'wrong-secret' },
			identity: {
				settings: { ca: await readFile(other.cert, 'utf8') },
				code: 'TARGET_PROTOCOL' as const,
			},
		},
		async end() {
			await egress.close();
			await faults.stop();
		},
	};
}

exerciseChannelServer(
	's3 at versitygw',
	async () => {
		const server = await startVersitygw();
		const other = await startVersitygw();
		await other.kill();
		const { end, ...channel } = await channelTo(server, other);
		const all = async () => contentsOf(server.bucket);
		const isPart = ({ path }: { path: string }): boolean => path.startsWith('.sgwtmp');
		return {
			...channel,
			isThere: async (path) => existsSync(join(server.bucket, path)),
			kill: server.kill,
			start: server.start,
			contents: async () => (await all()).filter((one) => !isPart(one)),
			unfinished: async () => (await all()).filter(isPart).map(({ path }) => path),
			clear: async () => emptyFolder(server.bucket),
			folders: false,
			resumes: false,
			async cleanup() {
				await end();
				await server.stop();
				await other.stop();
			},
		};
	},
	{ flat: 64_000_000 },
);

/** Looks into a store by its own protocol, without the channel. */
async function readerOf({ port, cert }: { port: number; cert: string }) {
	const client = new S3Client({
		region: 'us-east-1',
		endpoint: `https://127.0.0.1:${port}`,
		forcePathStyle: true,
		credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
		requestHandler: { httpsAgent: new Agent({ ca: await readFile(cert, 'utf8') }) },
	});
	const where = { Bucket: BUCKET };
	const keys = async (): Promise<string[]> => {
		const { Contents = [] } = await client.send(new ListObjectsV2Command(where));
		return Contents.map(({ Key = '' }) => Key).sort();
	};
	const contentOf = async (Key: string): Promise<Content> => {
		const { Body } = await client.send(new GetObjectCommand({ ...where, Key }));
		const hash = createHash('sha256');
		let size = 0;
		for await (const chunk of Body as unknown as AsyncIterable<Uint8Array>) {
			hash.update(chunk);
			size += chunk.length;
		}
		return { path: Key, size, sha256: hash.digest('hex') };
	};
	return {
		client,
		keys,
		async makeBucket() {
			await client.send(new CreateBucketCommand(where));
		},
		async contents() {
			const contents: Content[] = [];
			for (const key of await keys()) contents.push(await contentOf(key));
			return contents;
		},
		async clear() {
			for (const Key of await keys()) await client.send(new DeleteObjectCommand({ ...where, Key }));
		},
	};
}

exerciseChannelServer(
	's3 at MinIO',
	async () => {
		const server = await startMinio();
		const other = await startMinio();
		await other.kill();
		const { end, ...channel } = await channelTo(server, other);
		const reader = await readerOf(server);
		await reader.makeBucket();
		return {
			...channel,
			isThere: async (path) => (await reader.keys()).includes(path),
			kill: server.kill,
			start: server.start,
			contents: reader.contents,
			unfinished: server.unfinished,
			clear: reader.clear,
			folders: false,
			resumes: false,
			async cleanup() {
				await end();
				reader.client.destroy();
				await server.stop();
				await other.stop();
			},
		};
	},
	{ flat: 64_000_000, line: false },
);

describe('what an object is given beside its bytes, at MinIO', () => {
	let end: () => Promise<void>;
	let at: Awaited<ReturnType<typeof channelTo>>;
	let reader: Awaited<ReturnType<typeof readerOf>>;

	beforeAll(async () => {
		const server = await startMinio();
		at = await channelTo(server, server);
		reader = await readerOf(server);
		await reader.makeBucket();
		end = async () => {
			await at.channel.close?.();
			await at.end();
			reader.client.destroy();
			await server.stop();
		};
	}, 900_000);
	afterAll(async () => end());

	it.each([
		['one request', 100_000],
		['parts', 20_000_000],
	])(
		'is kept with an upload in %s: encryption, tags, metadata, type, name and checksum',
		async (_how, size) => {
			const parcel = largeParcel(size, { filename: `Übersicht ${size}.csv` });
			const settings = at.channel.settings.parse({
				...at.settings,
				folder: 'daily',
				sse: 'aws:kms',
				kmsKeyId: 'reports',
				tags: { team: 'sales / ops+1' },
				metadata: { origin: 'crm' },
				disposition: 'attachment',
				checksum: 'sha256',
			});
			const context = { signal: new AbortController().signal, attempt: 1, timeout: 60_000 };
			const prepared = at.channel.prepare(settings, parcel);
			const outcome = await at.channel.send(prepared, settings, parcel, context);
			const Key = `daily/${parcel.filename}`;
			expect(outcome).toMatchObject({ receipt: { remote: { key: Key } } });
			const object = { Bucket: BUCKET, Key };
			expect(
				await reader.client.send(new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' })),
			).toMatchObject({
				ContentLength: size,
				ContentType: parcel.contentType,
				ContentDisposition: `attachment; filename="_bersicht ${size}.csv"; filename*=UTF-8''%C3%9Cbersicht%20${size}.csv`,
				ServerSideEncryption: 'aws:kms',
				ChecksumSHA256: expect.stringMatching(/^[A-Za-z0-9+/]{43}=/),
				Metadata: {
					origin: 'crm',
					'capscheduler-delivery': parcel.deliveryId,
					'capscheduler-sha256': parcel.sha256,
				},
			});
			const { TagSet } = await reader.client.send(new GetObjectTaggingCommand(object));
			expect(TagSet).toEqual([{ Key: 'team', Value: 'sales / ops+1' }]);
		},
	);
});

describe('a store whose disk is full, a MinIO', () => {
	it.each([
		['parts', 60_000_000],
		['one request', 7_000_000],
	])(
		'is told of truly, and keeps nothing of an upload in %s',
		async (_how, size) => {
			const server = await startMinio({ megabytes: 48 });
			const at = await channelTo(server, server);
			const reader = await readerOf(server);
			try {
				await reader.makeBucket();
				const settings = at.channel.settings.parse({ ...at.settings, overwrite: 'replace' });
				const send = async (parcel: Parcel): Promise<SendOutcome> =>
					at.channel.send(at.channel.prepare(settings, parcel), settings, parcel, {
						signal: new AbortController().signal,
						attempt: 1,
						timeout: 60_000,
					});
				// until what is to be sent has no room any more
				const filled: string[] = [];
				while (size < 48_000_000 && filled.length < 8) {
					const filler = largeParcel(6_000_000, { filename: `filler-${filled.length}.bin` });
					if ((await send(filler)).kind === 'failed') break;
					filled.push(filler.filename);
				}
				const parcel = largeParcel(size, { filename: 'large.bin' });
				const full = { kind: 'failed', code: 'TARGET_FULL', retry: 'later' };
				expect(await send(parcel)).toMatchObject(full);
				expect(await reader.keys()).toEqual(filled);
				expect(await server.unfinished()).toEqual([]);
				await reader.clear();
				const small = largeParcel(100_000, { filename: 'small.bin' });
				expect(await send(small)).toMatchObject({ kind: 'delivered' });
			} finally {
				await at.channel.close?.();
				await at.end();
				reader.client.destroy();
				await server.stop();
			}
		},
		300_000,
	);
});
