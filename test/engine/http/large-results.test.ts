import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readlink, rm, truncate } from 'node:fs/promises';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';

const SIZE = 3_000_000;
/** More than the buffers of two sockets take while nobody reads. */
const HUGE = 32_000_000;
/** No two pieces of it are alike, wherever it is cut. */
const different = (seed: number): Buffer =>
	Buffer.concat(
		Array.from({ length: SIZE / 32 }, (_, i) =>
			createHash('sha256').update(`${seed} ${i}`).digest(),
		),
	);

let bed: Bed;
let server: CapabilityServer;
let bytes: Buffer;
let seed = 0;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	const url = server.on('/file', (response) => {
		response.setHeader('content-type', 'application/octet-stream');
		response.end(bytes);
	});
	await bed.register('files', url);
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

/** A result of its own, by link, and the file that it is kept in. */
async function stored(content = different(seed++)): Promise<{ url: string; file: string }> {
	bytes = content;
	const run = await bed.invoke('files');
	expect(await bed.runIn(run)).toMatchObject({ state: 'succeeded' });
	const { body: link } = await bed.admin.post(`/v1/runs/${run}/links`, {});
	const sha256 = createHash('sha256').update(bytes).digest('hex');
	const file = join(bed.folder, 'data/blobs', sha256.slice(0, 2), sha256.slice(2));
	return { url: link.url as string, file };
}

async function begin(url: string): Promise<IncomingMessage> {
	const request = get(url, { agent: false });
	const [answer] = (await once(request, 'response')) as [IncomingMessage];
	return answer;
}

async function isOpenHere(file: string): Promise<boolean> {
	const links = (await readdir('/proc/self/fd')).map((fd) =>
		readlink(`/proc/self/fd/${fd}`).catch(() => ''),
	);
	return (await Promise.all(links)).includes(file);
}

describe('a result that is kept in a file', () => {
	it('comes whole by link, to many at once', async () => {
		const { url, file } = await stored();
		const got = await Promise.all(
			Array.from({ length: 5 }, async () => Buffer.concat(await (await begin(url)).toArray())),
		);
		expect(got.every((one) => one.equals(bytes))).toBe(true);
		expect(await isOpenHere(file)).toBe(false);
	});

	it('is closed when the client leaves in the middle', async () => {
		const { url, file } = await stored(Buffer.alloc(HUGE, 'abc'));
		const answer = await begin(url);
		await once(answer, 'readable');
		expect(await isOpenHere(file)).toBe(true);
		answer.destroy();
		while (await isOpenHere(file)) await new Promise((resolve) => setImmediate(resolve));
	});

	it('that is gone is a problem, without the length and the tag of the file', async () => {
		const { url, file } = await stored();
		await rm(file);
		const { status, headers, body } = await bed.client().get(new URL(url).pathname);
		expect({ status, code: body.code }).toEqual({ status: 404, code: 'NOT_FOUND' });
		expect(headers.get('etag')).toBeNull();
		expect(headers.get('content-length')).not.toBe(String(SIZE));
	});

	it('that is too short is broken off', async () => {
		const { url, file } = await stored();
		await truncate(file, SIZE - 1);
		const answer = await begin(url);
		expect(answer.headers['content-length']).toBe(String(SIZE));
		await expect(answer.toArray()).rejects.toMatchObject({ code: 'ECONNRESET' });
	});
});
