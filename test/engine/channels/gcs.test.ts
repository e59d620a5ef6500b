import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Agent } from 'undici';

import { createBucket } from '../../../engine/channels/gcs/bucket.ts';
import { gcsSettingsSchema } from '../../../engine/channels/gcs/settings.ts';
import { crc32c, crc32cText } from '../../../engine/channels/shared/crc32c.ts';
import { parcelOf } from '../../support/parcels.ts';

const SESSION = '/upload/session?upload_id=1';
const KEY_NAME = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k';
const TOKEN = 'a-token';
const OURS = crc32cText(crc32c(Buffer.from('hello'), 0));

interface Asked {
	method: string | undefined;
	url: URL;
	hash: string | string[] | undefined;
	body: string;
}

let server: Server | undefined;
let dispatcher: Agent | undefined;

afterEach(async () => {
	await dispatcher?.close();
	server?.close();
});

/** Uploads "hello" to a store that says what its CRC-32C is. */
async function upload(
	given: object,
	{ create, told }: { create: boolean; told: string },
): Promise<{ asked: Asked[]; put: Promise<unknown> }> {
	const asked: Asked[] = [];
	server = createServer((request, answer) => {
		void text(request).then((body) => {
			const { method, headers } = request;
			const url = new URL(request.url ?? '', 'http://store');
			asked.push({ method, url, hash: headers['x-goog-hash'], body });
			if (method === 'POST') answer.setHeader('location', `http://elsewhere.example${SESSION}`);
			answer.end(method === 'PUT' ? JSON.stringify({ size: '5', crc32c: told }) : '');
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const sending = new Agent();
	dispatcher = sending;
	// the key of the account is for the token, which is there already
	const settings = {
		...gcsSettingsSchema.omit({ serviceAccountKey: true }).parse({
			bucket: 'reports',
			endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
			...given,
		}),
		serviceAccountKey: '',
	};
	const deadline = { signal: AbortSignal.timeout(20_000), progress: () => undefined };
	const bucket = createBucket({
		settings,
		dispatcher: () => sending,
		deadline,
		token: TOKEN,
	});
	const put = bucket.put('daily/report.csv', parcelOf('hello'), { create, attempt: 1 });
	await put.catch(() => undefined);
	return { asked, put };
}

describe('an upload to Cloud Storage', () => {
	it.each([
		['may not replace', true, '0'],
		['may replace', false, null],
	])('%s what has its name, as it was told', async (_title, create, generation) => {
		const { asked, put } = await upload({}, { create, told: OURS });
		await expect(put).resolves.toMatchObject({ crc32c: OURS });
		expect(asked[0]?.url.searchParams.get('ifGenerationMatch')).toBe(generation);
	});

	it('has the class, the key and the words of the settings', async () => {
		const given = {
			storageClass: 'COLDLINE',
			kmsKeyName: KEY_NAME,
			metadata: { team: 'ops' },
			cacheControl: 'no-store',
		};
		const { asked, put } = await upload(given, { create: true, told: OURS });
		await put;
		expect(asked[0]?.url.searchParams.get('kmsKeyName')).toBe(KEY_NAME);
		expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
			storageClass: 'COLDLINE',
			cacheControl: 'no-store',
			metadata: { team: 'ops' },
		});
	});

	it("goes to the setting's host, and tells the sum of all bytes with the last of them", async () => {
		const { asked } = await upload({}, { create: true, told: OURS });
		expect(asked.map(({ method }) => method)).toEqual(['POST', 'PUT']);
		expect(asked[1]).toMatchObject({ hash: `crc32c=${OURS}`, body: 'hello' });
	});

	it('fails and is taken back when the store tells another sum', async () => {
		const { asked, put } = await upload({}, { create: true, told: 'AAAAAA==' });
		await expect(put).rejects.toMatchObject({ code: 'TARGET_FAULT', retry: 'later' });
		expect(asked.at(-1)).toMatchObject({ method: 'DELETE' });
		expect(asked.at(-1)?.url.search).toBe('?upload_id=1');
	});
});
