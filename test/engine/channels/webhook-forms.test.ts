import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Parcel, SendOutcome } from '../../../engine/channels/channel.port.ts';
import { createWebhookChannel } from '../../../engine/channels/webhook/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import { createRowReader } from '../../../engine/formats/rows/index.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { createSigner } from '../../../engine/security/standard-webhooks.ts';
import { parcelOf } from '../../support/parcels.ts';
import { signatureHolds } from '../../support/signature.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
const channel = createWebhookChannel({ egress, signer: createSigner(), clock: systemClock });
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
let receiver: Receiver;
beforeEach(async () => {
	receiver = await startReceiver();
});
afterEach(async () => receiver.close());
afterAll(async () => {
	await channel.close?.();
	await egress.close();
});

const issues = (settings: object): string[] =>
	channel.settings
		.safeParse({ url: 'https://example.org/in', ...settings })
		.error?.issues.map(({ path }) => path.join('.')) ?? [];

async function send(parcel: Parcel, more: object = {}, attempt = 1): Promise<SendOutcome> {
	const parsed = channel.settings.parse({ url: receiver.url, ...more });
	await channel.check(parsed);
	const settings = { ...(parsed as object), ...channel.generate?.(parsed) };
	return channel.send(channel.prepare(settings, parcel), settings, parcel, {
		signal: new AbortController().signal,
		attempt,
		timeout: 10_000,
	});
}

const report = {
	title: 'Sales "EU"\n',
	preview: async () => null,
	link: async () => ({
		url: 'https://caps.example.org/r/1',
		expiresAt: '2027-02-01T00:00:00.000Z',
	}),
};
const rows = (count: number): Parcel =>
	parcelOf(
		Array.from({ length: count }, (_, id) => `{"id":${id},"n":9007199254740993}\n`).join(''),
		{
			contentType: 'application/x-ndjson',
			readRows: (bytes) => createRowReader({ encoding: 'ndjson', open: () => bytes })(),
		},
	);

describe('a webhook', () => {
	it('that knows no signature gets none, and no secret is made for it', async () => {
		expect(
			channel.generate?.(channel.settings.parse({ url: receiver.url, signed: false })),
		).toEqual({});
		expect(await send(parcelOf('x'), { signed: false })).toMatchObject({ kind: 'delivered' });
		const { headers } = receiver.received[0]!;
		expect(Object.keys(headers).filter((name) => name.startsWith('webhook-'))).toEqual([]);
		expect(headers['idempotency-key']).toBeDefined();
		expect(issues({ signed: false, secret: SECRET })).toEqual(['secret']);
	});

	it('gets what a template makes of the file, its values as JSON, and it is signed', async () => {
		const body = '{"text": "{{title}}", "file": "{{filename}}", "at": "{{link}}", "n": {{size}}}';
		expect(await send(parcelOf('abc', { report }), { body, secret: SECRET })).toMatchObject({
			kind: 'delivered',
			receipt: { size: 3 },
		});
		const received = receiver.received[0]!;
		expect(JSON.parse(received.body.toString())).toEqual({
			text: report.title,
			file: 'report.csv',
			at: 'https://caps.example.org/r/1',
			n: 3,
		});
		expect(signatureHolds(received, SECRET)).toBe(true);
		expect(await send(parcelOf('abc'), { body })).toMatchObject({ code: 'GONE', retry: 'never' });
		expect(issues({ body: '{{constructor}}' })).toEqual(['body']);
		expect(issues({ body: '{{title', bodyType: 'a\r\nb' })).toEqual(['body', 'bodyType']);
	});

	it('gets rows in batches, each signed and with an id of its own that a repeat has too', async () => {
		const parcel = rows(5);
		expect(await send(parcel, { batchRows: 2, secret: SECRET })).toMatchObject({
			receipt: { sha256: parcel.sha256, remote: { status: 200, requests: 3 } },
		});
		const seen = receiver.received;
		expect(seen.map(({ body }) => body.toString())).toEqual([
			'[{"id":0,"n":9007199254740993},{"id":1,"n":9007199254740993}]',
			'[{"id":2,"n":9007199254740993},{"id":3,"n":9007199254740993}]',
			'[{"id":4,"n":9007199254740993}]',
		]);
		expect(seen.every((one) => signatureHolds(one, SECRET))).toBe(true);
		const ids = [1, 2, 3].map((n) => `${parcel.deliveryId}_${n}`);
		expect(seen.map(({ headers }) => headers['webhook-id'])).toEqual(ids);
		expect(seen.map(({ headers }) => headers['x-capscheduler-batch'])).toEqual([
			'1/3',
			'2/3',
			'3/3',
		]);
		await send(parcel, { batchRows: 2, secret: SECRET }, 2);
		expect(receiver.received.slice(3).map(({ headers }) => headers['webhook-id'])).toEqual(ids);
		expect(channel.format?.({ batchRows: 2 })).toBe('ndjson');
	});

	it('that refuses a batch gets no further one, and one empty list for no rows', async () => {
		receiver.answer = (_request, response) => {
			response.writeHead(receiver.received.length === 2 ? 500 : 200).end();
		};
		expect(await send(rows(5), { batchRows: 1 })).toMatchObject({
			code: 'TARGET_FAULT',
			retry: 'later',
		});
		expect(receiver.received).toHaveLength(2);
		await send(rows(0), { batchRows: 1 });
		expect(receiver.received[2]?.body.toString()).toBe('[]');
		expect(await send(parcelOf('a,b'), { batchRows: 1 })).toMatchObject({
			code: 'FORMAT_UNSUITABLE',
		});
	});
});

describe('a webhook behind mutual TLS', () => {
	let folder: string;
	const pem: Record<string, string> = {};
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-mtls-'));
		for (const [name, subject] of [
			['server', 'localhost'],
			['client', 'capscheduler'],
		] as const) {
			const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
			const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
			const names = ['-subj', `/CN=${subject}`, '-addext', `subjectAltName=DNS:${subject}`];
			await promisify(execFile)('openssl', [
				'req',
				...kind,
				...names,
				'-keyout',
				key,
				'-out',
				cert,
			]);
			pem[`${name}Key`] = await readFile(key, 'utf8');
			pem[`${name}Cert`] = await readFile(cert, 'utf8');
		}
	});
	afterAll(async () => rm(folder, { recursive: true, force: true }));

	it('gets the certificate of the destination, and nothing without it', async () => {
		const subjects: string[] = [];
		const server = createServer(
			{
				key: pem['serverKey']!,
				cert: pem['serverCert']!,
				ca: pem['clientCert']!,
				requestCert: true,
				rejectUnauthorized: true,
			},
			(request, response) => {
				const { subject } = (
					request.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
				).getPeerCertificate();
				subjects.push(subject.CN);
				request.resume();
				response.end('{}');
			},
		);
		await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
		const url = `https://localhost:${(server.address() as AddressInfo).port}/in`;
		const certificates = {
			ca: pem['serverCert'],
			clientCert: pem['clientCert'],
			clientKey: pem['clientKey'],
		};
		try {
			expect(await send(parcelOf('x'), { url, ...certificates })).toMatchObject({
				kind: 'delivered',
			});
			expect(subjects).toEqual(['capscheduler']);
			expect((await send(parcelOf('x'), { url, ca: pem['serverCert'] })).kind).toBe('failed');
			expect(await send(parcelOf('x'), { url })).toMatchObject({ code: 'TARGET_PROTOCOL' });
			expect(subjects).toEqual(['capscheduler']);
			expect(issues({ clientCert: pem['clientCert'] })).toEqual(['clientKey']);
			expect(issues({ url: 'http://example.org', ca: pem['serverCert'] })).toEqual(['url']);
		} finally {
			server.closeAllConnections();
			server.close();
		}
	});
});
