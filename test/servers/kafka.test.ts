import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import type { Admin } from 'kafkajs';
import { readFile } from 'node:fs/promises';

import type { Parcel, SendOutcome } from '../../engine/channels/channel.port.ts';
import { createKafkaChannel } from '../../engine/channels/kafka/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { CapError } from '../../engine/contract/errors.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { largeParcel, parcelOf } from '../support/parcels.ts';
import type { KafkaServer } from './kafka.ts';
import { startKafka } from './kafka.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
let channel: ReturnType<typeof createKafkaChannel>;
let server: KafkaServer;
let admin: Admin;
let secure: Record<string, unknown>;
let topic: string;
let made = 0;

beforeAll(async () => {
	server = await startKafka();
	admin = new kafkajs.Kafka({
		brokers: [server.plain],
		logLevel: kafkajs.logLevel.NOTHING,
		retry: { retries: 20 },
	}).admin();
	await admin.connect();
	secure = {
		brokers: [server.secure],
		tls: { ca: await readFile(server.certFile, 'utf8') },
		sasl: 'scram-sha-512',
		user: 'cap',
		password: 'secret',
	};
}, 300_000);
afterAll(async () => {
	await admin.disconnect();
	await egress.close();
	await server.stop();
});
beforeEach(async () => {
	channel = createKafkaChannel({ egress, clock: systemClock });
	topic = `reports.${(made += 1)}`;
	await admin.createTopics({
		waitForLeaders: true,
		topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
	});
});
afterEach(async () => {
	server.wire.toClient = () => true;
	server.wire.toServer = () => true;
	await channel.close?.();
});

async function send(
	parcel: Parcel,
	more: Record<string, unknown> = {},
	{ signal = new AbortController().signal, attempt = 1, timeout = 30_000 } = {},
): Promise<SendOutcome> {
	const base = { brokers: [server.plain], tls: false, topic };
	const settings = channel.settings.parse({ ...base, ...more });
	await channel.check(settings);
	return channel.send(channel.prepare(settings, parcel), settings, parcel, {
		signal,
		attempt,
		timeout,
	});
}

const rowsParcel = (rows: object[], more: Partial<Parcel> = {}): Parcel =>
	parcelOf(rows.map((row) => `${JSON.stringify(row)}\n`).join(''), {
		contentType: 'application/x-ndjson',
		filename: 'rows.ndjson',
		...more,
	});
const headersOf = (line: string): Record<string, string> =>
	Object.fromEntries(
		line.split(',').map((pair) => {
			const at = pair.indexOf('=');
			return [pair.slice(0, at), pair.slice(at + 1)];
		}),
	);

describe('a file as one message', () => {
	it.each([
		[0, 'none'],
		[1, 'gzip'],
		[900_000, 'zstd'],
		[900_000, 'none'],
	] as const)(
		'of %d bytes (%s) arrives as it is, and the receipt says where',
		async (size, compression) => {
			const parcel = largeParcel(size, { filename: 'Übersicht 報告.bin' });
			const outcome = await send(parcel, {
				compression,
				headers: { source: '{{capability}}/{{action}}' },
			});
			expect(outcome).toMatchObject({
				kind: 'delivered',
				receipt: {
					size,
					sha256: parcel.sha256,
					remote: { topic, partition: 0, offset: '0', messages: 1, sentAs: 'file' },
				},
			});
			expect(await server.hashAt(topic, 0, '0')).toBe(parcel.sha256);
			const [line = ''] = await server.read(topic, '%k|%h');
			const [key, headers = ''] = line.split('|');
			expect(key).toBe(parcel.deliveryId);
			expect(headersOf(headers)).toMatchObject({
				'capscheduler-delivery': parcel.deliveryId,
				'capscheduler-sha256': parcel.sha256,
				'capscheduler-filename': 'Übersicht 報告.bin',
				'content-type': parcel.contentType,
				source: 'reports/daily-sales',
			});
		},
	);

	it('is a link when it is too large, or is refused where that was wished', async () => {
		const report = {
			title: 'Sales',
			preview: async () => null,
			link: async () => ({
				url: 'https://caps.example.org/r/1',
				expiresAt: '2027-02-01T00:00:00.000Z',
			}),
		};
		const parcel = largeParcel(2_000_000, { report });
		expect(await send(parcel)).toMatchObject({ receipt: { remote: { sentAs: 'link' } } });
		const [value = ''] = await server.read(topic, '%s');
		expect(JSON.parse(value)).toMatchObject({
			type: 'capscheduler.link',
			url: 'https://caps.example.org/r/1',
			file: { size: 2_000_000, sha256: parcel.sha256 },
		});
		await expect(send(parcel, { large: 'refuse' })).rejects.toMatchObject({
			code: 'RESULT_TOO_LARGE',
		});
	});

	it('larger than the topic takes fails for good, with the broker as witness', async () => {
		const outcome = await send(largeParcel(3_000_000), { maxMessageBytes: 5_000_000 });
		expect(outcome).toMatchObject({ code: 'RESULT_TOO_LARGE', retry: 'never' });
		expect(await server.read(topic, '%o')).toEqual([]);
	});

	it('is sent again under the same header, so that a consumer drops the second', async () => {
		const parcel = parcelOf('once');
		await send(parcel);
		await send(parcel, {}, { attempt: 2 });
		const ids = (await server.read(topic, '%h')).map(
			(line) => headersOf(line)['capscheduler-delivery'],
		);
		expect(ids).toEqual([parcel.deliveryId, parcel.deliveryId]);
	});

	it('is nothing when its bytes are not those promised', async () => {
		const wrong = parcelOf('abc', { sha256: parcelOf('abd').sha256 });
		expect(await send(wrong)).toMatchObject({ kind: 'failed', code: 'INTERNAL' });
		expect(await send(wrong, { content: 'rows' })).toMatchObject({
			kind: 'failed',
			code: 'INTERNAL',
		});
		expect(await server.read(topic, '%o')).toEqual([]);
	});
});

describe('a message a row', () => {
	it('has the bytes of the row, a key and headers of its values, and its number', async () => {
		const lines = ['{"id":9007199254740993,"to":"a b"}', '{"id":2,"to":null}', '{"id":3}'];
		const parcel = parcelOf(lines.map((line) => `${line}\n`).join(''), {
			contentType: 'application/x-ndjson',
		});
		const outcome = await send(parcel, {
			content: 'rows',
			key: 'row-{{row.to}}',
			headers: { to: '{{row.to}}' },
		});
		expect(outcome).toMatchObject({
			receipt: { sha256: parcel.sha256, remote: { messages: 3, partitions: { 0: '0' } } },
		});
		expect(await server.read(topic, '%s')).toEqual(lines);
		expect(await server.read(topic, '%k')).toEqual(['row-a b', 'row-', 'row-']);
		const headers = (await server.read(topic, '%h')).map(headersOf);
		expect(headers.map((one) => [one['capscheduler-row'], one['to']])).toEqual([
			['1', 'a b'],
			['2', ''],
			['3', ''],
		]);
	});

	it('20,000 of them arrive in order, none missing', async () => {
		const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, text: 'x'.repeat(40) }));
		const outcome = await send(rowsParcel(rows), { content: 'rows', compression: 'zstd' });
		expect(outcome).toMatchObject({ receipt: { remote: { messages: 20_000 } } });
		const ids = (await server.read(topic, '%s')).map(
			(line) => (JSON.parse(line) as { id: number }).id,
		);
		expect(ids).toEqual(rows.map(({ id }) => id));
	});

	it('that is too large stops the delivery before the first row is sent', async () => {
		const rows = [{ id: 1 }, { id: 2, text: 'x'.repeat(2000) }];
		expect(await send(rowsParcel(rows), { content: 'rows', maxMessageBytes: 1000 })).toMatchObject({
			code: 'RESULT_TOO_LARGE',
			retry: 'never',
			message: expect.stringContaining('row 2'),
		});
		expect(await server.read(topic, '%o')).toEqual([]);
	});
});

describe('who may write where', () => {
	it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('a login by %s over TLS', async (sasl) => {
		expect(await send(parcelOf('x'), { ...secure, sasl })).toMatchObject({ kind: 'delivered' });
	});

	it.each([
		['a wrong password', { password: 'wrong-canary' }, 'TARGET_LOGIN_FAILED', 'later'],
		['a user without the right', { user: 'limited' }, 'TARGET_REFUSED', 'never'],
		['a certificate that nobody vouches for', { tls: true }, 'TARGET_PROTOCOL', 'later'],
	])('%s is refused, and no secret is shown', async (_case, more, code, retry) => {
		const outcome = await send(parcelOf('x'), { ...secure, ...more });
		expect(outcome).toMatchObject({ kind: 'failed', code, retry });
		expect(JSON.stringify(outcome)).not.toContain('canary');
	});

	it('a topic that is not there fails for good', async () => {
		expect(await send(parcelOf('x'), { topic: 'nowhere' })).toMatchObject({
			code: 'TARGET_REFUSED',
			retry: 'never',
		});
	});

	it.each([
		[{ topic: '__consumer_offsets' }],
		[{ topics: ['__transaction_state'], topic: '{{capability}}' }],
		[{ topics: ['other'], topic: '{{capability}}' }],
		[{ topics: ['other'] }],
	])('an internal topic, and one that is not listed, is forbidden: %j', async (more) => {
		await expect(send(parcelOf('x'), more)).rejects.toMatchObject({
			code: 'FORBIDDEN',
			status: 403,
		});
	});

	it('a broker that a cluster tells of passes the guard like any other address', async () => {
		const outcome = await send(parcelOf('x'), { brokers: [server.evil] });
		expect(outcome).toMatchObject({ code: 'EGRESS_BLOCKED', retry: 'never' });
		await expect(send(parcelOf('x'), { brokers: ['10.0.0.1:9092'] })).rejects.toMatchObject({
			code: 'EGRESS_BLOCKED',
		});
	});
});

describe('the test of a Kafka destination', () => {
	const steps = async (more: object): Promise<unknown[]> => {
		const seen: unknown[] = [];
		await channel.probe?.(channel.settings.parse({ topic, ...more }), {
			signal: new AbortController().signal,
			report: ({ step, ok, code }) => seen.push(code === undefined ? [step, ok] : [step, ok, code]),
		});
		return seen;
	};

	it('goes as far as the topic, and sends nothing', async () => {
		const upTo = [
			['dns', true],
			['connect', true],
		];
		expect(await steps(secure)).toEqual([...upTo, ['login', true], ['read', true]]);
		expect(await steps({ ...secure, password: 'wrong' })).toEqual([
			...upTo,
			['login', false, 'TARGET_LOGIN_FAILED'],
		]);
		expect(await steps({ ...secure, topic: 'nowhere' })).toEqual([
			...upTo,
			['login', true],
			['read', false, 'TARGET_REFUSED'],
		]);
		expect(await server.read(topic, '%o')).toEqual([]);
	});
});

describe('over a bad wire', () => {
	it('an answer that is lost within an attempt doubles nothing', async () => {
		const { wire } = server;
		let lost = 0;
		let produced = false;
		wire.toServer = (chunk) => {
			produced ||= chunk.includes('capscheduler-delivery');
			return true;
		};
		wire.toClient = (_chunk, pair) => {
			if (!produced || lost > 0) return true;
			lost += 1;
			pair.client.resetAndDestroy();
			return false;
		};
		const outcome = await send(parcelOf('once'), { brokers: [server.wired] });
		expect(lost).toBe(1);
		expect(outcome).toMatchObject({ kind: 'delivered' });
		expect(await server.read(topic, '%s')).toEqual(['once']);
	});

	it('a broker that says nothing any more ends in time, and the next attempt is whole', async () => {
		const { wire } = server;
		let produced = false;
		wire.toServer = (chunk) => {
			produced ||= chunk.includes('capscheduler-delivery');
			return !produced;
		};
		const parcel = parcelOf('late');
		const to = { brokers: [server.wired] };
		expect(await send(parcel, to, { timeout: 2000 })).toMatchObject({
			code: 'TIMEOUT',
			retry: 'later',
		});
		wire.toServer = () => true;
		expect(await send(parcel, to, { attempt: 2 })).toMatchObject({ kind: 'delivered' });
		expect(await server.read(topic, '%s')).toEqual(['late']);
	});

	it('it ends when it is cancelled', async () => {
		const controller = new AbortController();
		server.wire.toServer = (chunk) => {
			if (!chunk.includes('capscheduler-delivery')) return true;
			controller.abort(new CapError('FENCED', 'another engine has it'));
			return false;
		};
		const outcome = await send(
			parcelOf('x'),
			{ brokers: [server.wired] },
			{ signal: controller.signal },
		);
		expect(outcome).toMatchObject({ code: 'FENCED' });
		expect(await server.read(topic, '%s')).toEqual([]);
	});

	it('a hundred at once arrive, each once', async () => {
		const parcels = Array.from({ length: 100 }, (_, n) => parcelOf(`file ${n}`));
		const outcomes = await Promise.all(parcels.map(async (parcel) => send(parcel)));
		expect(outcomes.filter(({ kind }) => kind !== 'delivered')).toEqual([]);
		const keys = await server.read(topic, '%k');
		expect(keys.sort()).toEqual(parcels.map(({ deliveryId }) => deliveryId).sort());
	});

	it('a broker that is killed in the middle of rows is told of truly, and the next attempt brings all', async () => {
		const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, text: 'x'.repeat(100) }));
		let opened = 0;
		const whole = rowsParcel(rows);
		const parcel: Parcel = {
			...whole,
			async *open() {
				opened += 1;
				const second = opened === 2;
				for await (const chunk of whole.open()) {
					const half = Math.floor(chunk.length / 2);
					yield chunk.subarray(0, half);
					if (second) await server.kill();
					yield chunk.subarray(half);
				}
			},
		};
		const outcome = await send(parcel, { content: 'rows' });
		expect(outcome).toMatchObject({ kind: 'failed', code: 'TARGET_UNREACHABLE', retry: 'later' });
		await server.restart();
		expect(await send(whole, { content: 'rows' }, { attempt: 2 })).toMatchObject({
			kind: 'delivered',
		});
		const seen = new Set(
			(await server.read(topic, '%h')).map((line) => headersOf(line)['capscheduler-row']),
		);
		expect(seen.size).toBe(rows.length);
	});
});
