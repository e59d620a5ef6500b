import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';

import type { Channel, Parcel, SendOutcome } from '../../../engine/channels/channel.port.ts';
import { createPostSigned, createWebhookChannel } from '../../../engine/channels/webhook/index.ts';
import { contentDisposition } from '../../../engine/channels/shared/content-disposition.ts';
import { systemClock } from '../../../engine/clock.ts';
import type { Clock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import type { Egress } from '../../../engine/security/security.port.ts';
import { createSigner } from '../../../engine/security/standard-webhooks.ts';
import { largeParcel, parcelOf } from '../../support/parcels.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';

const signer = createSigner();
const secret = signer.generateSecret();

let egress: Egress;
let receiver: Receiver;
beforeEach(async () => {
	egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	receiver = await startReceiver();
});
afterEach(async () => {
	await egress.close();
	await receiver.close();
});

function channelWith(clock: Clock = systemClock): Channel {
	return createWebhookChannel({ egress, signer, clock });
}

async function send(
	settings: Record<string, unknown>,
	parcel: Parcel = parcelOf('a,b\n'),
	{ channel = channelWith(), timeout = 5000, signal = new AbortController().signal } = {},
): Promise<SendOutcome> {
	const parsed = channel.settings.parse({ secret, ...settings });
	const prepared = channel.prepare(parsed, parcel);
	return channel.send(prepared, parsed, parcel, { signal, attempt: 1, timeout });
}

describe('the request', () => {
	it('carries the bytes, their name and type, who they are from, and a signature that others verify', async () => {
		const parcel = parcelOf('{"rows":[1]}', {
			filename: 'März.json',
			contentType: 'application/json',
		});
		const outcome = await send(
			{ url: `${receiver.url}?token=t`, headers: { 'X-Team': 'bi' } },
			parcel,
		);
		const [got] = receiver.received;
		expect(got).toMatchObject({ method: 'POST', url: '/hook?token=t', sha256: parcel.sha256 });
		expect(got?.headers).toMatchObject({
			'content-type': 'application/json',
			'content-length': '12',
			'content-disposition': `attachment; filename="M_rz.json"; filename*=UTF-8''M%C3%A4rz.json`,
			'idempotency-key': parcel.deliveryId,
			'webhook-id': parcel.deliveryId,
			'x-capscheduler-run': parcel.runId,
			'x-capscheduler-schedule': parcel.scheduleId,
			'x-capscheduler-capability': 'reports',
			'x-capscheduler-nominal-at': parcel.nominalAt,
			'x-team': 'bi',
		});
		expect(new Webhook(secret).verify(got?.body ?? '', got?.headers as never)).toEqual({
			rows: [1],
		});
		expect(outcome).toMatchObject({ receipt: { location: receiver.url, remote: { status: 200 } } });
	});

	it('signs streamed bodies as exactly', async () => {
		const row = `"${'x'.repeat(998)}",`;
		const text = `[${row.repeat(400)}0]`;
		await send({ url: receiver.url }, parcelOf(text));
		const [got] = receiver.received;
		expect(got?.headers['content-length']).toBe(String(text.length));
		expect(new Webhook(secret).verify(text, got?.headers as never)).toHaveLength(401);
	});

	it('signs by the previous secret too while it is rotated', async () => {
		const previousSecret = signer.generateSecret();
		await send({ url: receiver.url, previousSecret }, parcelOf('{}'));
		const [got] = receiver.received;
		for (const one of [secret, previousSecret]) {
			expect(new Webhook(one).verify('{}', got?.headers as never)).toEqual({});
		}
	});

	it.each([0, 1, 16_384, 16_385, 262_144, 262_145])(
		'carries %i bytes as they are',
		async (size) => {
			const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 31));
			expect(await send({ url: receiver.url, method: 'PUT' }, parcelOf(bytes))).toMatchObject({
				kind: 'delivered',
			});
			const [got] = receiver.received;
			expect(got?.headers['content-length']).toBe(String(size));
			expect(got?.body.equals(bytes)).toBe(true);
		},
	);

	it('has headers of latin letters, as they were written', async () => {
		await send({ url: receiver.url, headers: { 'x-place': 'Köln' } });
		expect(receiver.received[0]?.headers['x-place']).toBe('Köln');
	});

	it('has no schedule header when no schedule made the run, and may be a PUT with a sealed header', async () => {
		const secretHeader = 'Authorization: Bearer abc';
		const parcel = parcelOf('x', { scheduleId: null, nominalAt: null });
		await send({ url: receiver.url, method: 'PUT', secretHeader }, parcel);
		const [got] = receiver.received;
		expect(got?.method).toBe('PUT');
		expect(got?.headers.authorization).toBe('Bearer abc');
		expect(got?.headers).not.toHaveProperty('x-capscheduler-schedule');
		const channel = channelWith();
		const plan = channel.prepare(
			channel.settings.parse({ url: receiver.url, secret, secretHeader }),
			parcel,
		);
		expect(JSON.stringify(plan)).not.toMatch(/Bearer|whsec/);
	});

	it('keeps the receiver’s own word', async () => {
		receiver.answer = (_request, response) => {
			response.writeHead(202, { etag: '"abc"', 'x-request-id': 'r1' }).end();
		};
		expect(await send({ url: receiver.url })).toMatchObject({
			receipt: { remote: { status: 202, etag: '"abc"', requestId: 'r1' } },
		});
	});
});

describe('settings', () => {
	it('get a secret made for them when they have none', () => {
		const channel = channelWith();
		const made = channel.generate?.(channel.settings.parse({ url: 'https://a.org' })) ?? {};
		expect(signer.isSecret(made['secret'] ?? '')).toBe(true);
		expect(channel.generate?.(channel.settings.parse({ url: 'https://a.org', secret }))).toEqual(
			{},
		);
	});

	it.each([
		[{ url: 'ftp://a.org' }, 'url'],
		[{ url: 'https://a.org/\r\nX-Evil: 1' }, 'url'],
		[{ url: 'https://a.org/ b' }, 'url'],
		[{ url: 'https://a.org', secret: 'short' }, 'secret'],
		[{ url: 'https://a.org', method: 'GET' }, 'method'],
		[{ url: 'https://a.org', other: 1 }, ''],
		...[
			'Host',
			'transfer-encoding',
			'Content-Length',
			'webhook-id',
			'Connection',
			'a b',
			'a\r\nb',
			'cookie',
			'Authorization',
			'X-CapScheduler-Run',
		].map((name): [object, string] => [
			{ url: 'https://a.org', headers: { [name]: 'x' } },
			'headers',
		]),
		...['a\r\nX-Evil: 1', 'a\n', '\0', 'a\tb', '報告'].map((value): [object, string] => [
			{ url: 'https://a.org', headers: { 'x-a': value } },
			'headers',
		]),
		...['no colon', ': x', 'Host: x', 'X-A: a\r\nX-B: b', 'webhook-signature: v1,x'].map(
			(line): [object, string] => [{ url: 'https://a.org', secretHeader: line }, 'secretHeader'],
		),
	])('refuse %j', (settings, path) => {
		const result = channelWith().settings.safeParse(settings);
		expect(result.success).toBe(false);
		expect(result.error?.issues[0]?.path[0] ?? '').toBe(path);
	});

	it.each(['https://10.0.0.1/', 'https://user:pw@8.8.8.8/', 'https://[64:ff9b::7f00:1]/'])(
		'are checked against the guard: %s',
		async (url) => {
			const channel = channelWith();
			await expect(channel.check(channel.settings.parse({ url }))).rejects.toMatchObject({
				code: 'EGRESS_BLOCKED',
				issues: [{ path: 'url' }],
			});
			expect(await send({ url })).toMatchObject({ code: 'EGRESS_BLOCKED', retry: 'never' });
		},
	);
});

describe('answers', () => {
	const NOW = Date.UTC(2027, 0, 31, 9);
	const clock: Clock = { ...systemClock, now: () => NOW };

	it.each([
		[204, {}, { kind: 'delivered' }],
		[302, { location: 'http://169.254.169.254/' }, { code: 'TARGET_REDIRECT', retry: 'never' }],
		[304, {}, { code: 'TARGET_REDIRECT', retry: 'never' }],
		[307, { location: '/other' }, { code: 'TARGET_REDIRECT', retry: 'never' }],
		[400, {}, { code: 'TARGET_REFUSED', retry: 'later' }],
		[404, {}, { code: 'TARGET_REFUSED', retry: 'later' }],
		[408, {}, { code: 'TARGET_FAULT', retry: 'later' }],
		[410, {}, { code: 'TARGET_GONE', retry: 'never', disable: true }],
		[425, {}, { code: 'TARGET_BUSY', retry: 'later' }],
		[429, { 'retry-after': '120' }, { code: 'TARGET_BUSY', retry: 'later', retryAfter: 120_000 }],
		[503, { 'retry-after': '9999999' }, { code: 'TARGET_BUSY', retryAfter: 86_400_000 }],
		[503, { 'retry-after': 'Sun, 31 Jan 2027 09:01:00 GMT' }, { retryAfter: 60_000 }],
		[503, { 'retry-after': 'Sun, 31 Jan 2027 08:00:00 GMT' }, { retryAfter: 0 }],
		[503, { 'retry-after': 'soon' }, { code: 'TARGET_BUSY', retryAfter: undefined }],
		[500, {}, { code: 'TARGET_FAULT', retry: 'later' }],
		[502, {}, { code: 'TARGET_FAULT', retry: 'later' }],
		[504, {}, { code: 'TARGET_FAULT', retry: 'later' }],
	])('%d %j is %j', async (status, headers, expected) => {
		receiver.answer = (_request, response) => {
			response.writeHead(status, headers).end();
		};
		const outcome = await send({ url: receiver.url }, parcelOf('x'), {
			channel: channelWith(clock),
		});
		const { retryAfter, ...rest } = expected as { retryAfter?: number };
		expect(outcome).toMatchObject(rest);
		if ('retryAfter' in expected) {
			expect((outcome as { retryAfter?: number }).retryAfter).toBe(retryAfter);
		}
		expect(receiver.received).toHaveLength(1);
	});

	it('are read to 64 kB and no further', async () => {
		let closed: () => void = () => undefined;
		const broken = new Promise<void>((resolve) => (closed = resolve));
		receiver.answer = (_request, response) => {
			response.on('close', closed);
			const more = (): void => {
				while (response.write(Buffer.alloc(65_536)));
				response.once('drain', more);
			};
			more();
		};
		expect(await send({ url: receiver.url })).toMatchObject({ kind: 'delivered' });
		await broken;
	});

	it('count as soon as their status is there, though their body never ends', async () => {
		receiver.answer = (_request, response) => {
			response.write('x');
		};
		expect(await send({ url: receiver.url }, undefined, { timeout: 200 })).toMatchObject({
			kind: 'delivered',
		});
	});

	it('that never come end in TIMEOUT', async () => {
		receiver.answer = () => undefined;
		for (const parcel of [parcelOf('x'), largeParcel(400_000)]) {
			expect(await send({ url: receiver.url }, parcel, { timeout: 200 })).toMatchObject({
				code: 'TIMEOUT',
				retry: 'later',
			});
		}
	});
});

describe('a bad connection', () => {
	/** A TCP server that does with its sockets what it is told. */
	async function rawServer(
		onSocket: (socket: Socket) => void,
	): Promise<{ url: string; close(): void }> {
		const sockets = new Set<Socket>();
		const server = createServer((socket) => {
			sockets.add(socket);
			socket.on('error', () => undefined);
			onSocket(socket);
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		return {
			url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
			close() {
				for (const socket of sockets) socket.destroy();
				server.close();
			},
		};
	}

	it.each([
		[
			'resets',
			(socket: Socket) => socket.once('data', () => socket.resetAndDestroy()),
			'TARGET_UNREACHABLE',
		],
		['closes', (socket: Socket) => socket.once('data', () => socket.end()), 'TARGET_UNREACHABLE'],
		[
			'talks nonsense',
			(socket: Socket) => socket.once('data', () => socket.end('hello\r\n\r\n')),
			'TARGET_PROTOCOL',
		],
	])('that %s is tried again later', async (_case, onSocket, code) => {
		const server = await rawServer(onSocket);
		try {
			expect(await send({ url: server.url })).toMatchObject({ code, retry: 'later' });
			const large = largeParcel(2_000_000);
			expect(await send({ url: server.url }, large)).toMatchObject({ retry: 'later' });
		} finally {
			server.close();
		}
	});

	it('that nobody answers on is tried again later', async () => {
		const server = await rawServer(() => undefined);
		server.close();
		expect(await send({ url: server.url })).toMatchObject({
			code: 'TARGET_UNREACHABLE',
			message: 'the connection failed (ECONNREFUSED)',
			retry: 'later',
		});
	});

	it('that takes no bytes ends after the time of silence', async () => {
		const server = await rawServer((socket) => socket.pause());
		try {
			const outcome = await send({ url: server.url }, largeParcel(20_000_000), { timeout: 300 });
			expect(outcome).toMatchObject({ code: 'TIMEOUT' });
		} finally {
			server.close();
		}
	});

	it('on our side of the source breaks the request off: the receiver never sees a whole one', async () => {
		const whole = largeParcel(3_000_000);
		let opened = 0;
		const parcel: Parcel = {
			...whole,
			async *open() {
				const failing = opened++ > 0;
				let sent = 0;
				for await (const chunk of whole.open()) {
					if (failing && (sent += chunk.length) > 1_500_000) throw new Error('EIO');
					yield chunk;
				}
			},
		};
		const seen = receiver.next();
		expect(await send({ url: receiver.url }, parcel)).toMatchObject({
			code: 'INTERNAL',
			retry: 'later',
		});
		expect(await seen).toMatchObject({ complete: false });
	});
});

describe('postSigned', () => {
	it('sends, signs and judges as the channel does', async () => {
		const post = createPostSigned({ egress, signer, clock: systemClock });
		const notification = {
			url: receiver.url,
			secret,
			id: 'ntf_1',
			body: Buffer.from('{"a":1}'),
			contentType: 'application/json',
			headers: { 'x-a': 'b' },
			timeout: 5000,
			signal: new AbortController().signal,
		};
		expect(await post(notification)).toEqual({ kind: 'delivered', status: 200 });
		const [got] = receiver.received;
		expect(new Webhook(secret).verify(got?.body ?? '', got?.headers as never)).toEqual({ a: 1 });
		expect(got?.headers['x-a']).toBe('b');
		receiver.answer = (_request, response) => response.writeHead(410).end();
		expect(await post(notification)).toMatchObject({ code: 'TARGET_GONE', disable: true });
		expect(await post({ ...notification, signal: AbortSignal.abort() })).toMatchObject({
			code: 'CANCELLED',
		});
	});
});

describe('Content-Disposition', () => {
	it.each([
		['a.csv', 'attachment; filename="a.csv"'],
		['a b.csv', 'attachment; filename="a b.csv"'],
		['"x"\\.csv', `attachment; filename="_x__.csv"; filename*=UTF-8''%22x%22%5C.csv`],
		['a\r\nb', `attachment; filename="a__b"; filename*=UTF-8''a%0D%0Ab`],
		["it's (1)*.csv", `attachment; filename="it's (1)*.csv"`],
		["é'(*", `attachment; filename="_'(*"; filename*=UTF-8''%C3%A9%27%28%2A`],
		['\ud800', `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`],
	])('%j', (name, expected) => {
		expect(contentDisposition(name)).toBe(expected);
	});
});
