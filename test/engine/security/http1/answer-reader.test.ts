import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { AnswerError } from '../../../../engine/security/http1/answer-head.ts';
import { AnswerReader } from '../../../../engine/security/http1/answer-reader.ts';
import { LastHead } from '../../../../engine/security/http1/last-head.ts';

interface Read {
	status: number;
	headers: Record<string, unknown>;
	body: string;
	done: boolean;
	keptFor: number;
	/** Bytes behind the answer. */
	rest: number;
}

/** Reads the text in pieces that end at `cuts`. The bytes of each are written over afterwards. */
function read(
	text: string,
	{
		cuts = [],
		closed = false,
		lastHead = new LastHead(),
	}: { cuts?: number[]; closed?: boolean; lastHead?: LastHead } = {},
): Read {
	const got: Read = { status: 0, headers: {}, body: '', done: false, keptFor: 0, rest: 0 };
	const parts: Buffer[] = [];
	const listener = {
		onHead(status: number, headers: object) {
			got.status = status;
			got.headers = { ...headers };
		},
		onData(bytes: Buffer) {
			parts.push(bytes);
		},
	};
	const reader = new AnswerReader(listener, lastHead);
	const bytes = Buffer.from(text, 'latin1');
	const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
	let start = 0;
	for (const end of ends.sort((a, b) => a - b)) {
		const piece = Buffer.from(bytes.subarray(start, end));
		start = end;
		if (reader.done) got.rest += piece.length;
		else got.rest += piece.length - reader.read(piece);
		piece.fill(0x21);
	}
	if (closed) reader.close();
	got.body = Buffer.concat(parts).toString('latin1');
	got.done = reader.done;
	got.keptFor = reader.keptFor;
	return got;
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('an answer', () => {
	it('ends after the length that it names', () => {
		expect(read(`${OK}Content-Length: 5\r\nX-A:  b \r\n\r\nhello`)).toMatchObject({
			status: 200,
			headers: { 'content-length': '5', 'x-a': 'b' },
			body: 'hello',
			done: true,
			rest: 0,
		});
	});

	it('ends with its last chunk, whose trailers are dropped', () => {
		const text = `${OK}transfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nx: y\r\n\r\n`;
		expect(read(text)).toMatchObject({ body: 'hello!', done: true, rest: 0 });
	});

	it('ends with its connection when it does not say where', () => {
		expect(read(`${OK}\r\nhello`)).toMatchObject({ body: 'hello', done: false });
		expect(read(`${OK}\r\nhello`, { closed: true })).toMatchObject({ done: true, keptFor: 0 });
	});

	it('is not complete when the connection closes before it is', () => {
		expect(read(`${OK}content-length: 5\r\n\r\nhell`, { closed: true }).done).toBe(false);
		expect(
			read(`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`, { closed: true }).done,
		).toBe(false);
		expect(read('HTTP/1.1 200 OK\r\ncontent-le', { closed: true }).done).toBe(false);
	});

	it.each([204, 304])('of %i has no body', (status) => {
		expect(read(`HTTP/1.1 ${status} \r\n\r\n`)).toMatchObject({ status, body: '', done: true });
		const stray = read(`HTTP/1.1 ${status} \r\ncontent-length: 2\r\n\r\nhi`);
		expect(stray).toMatchObject({ body: '', done: true, rest: 2, keptFor: 0 });
	});

	it('of 1xx is passed over', () => {
		const text = `HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 102\r\n\r\n${OK}content-length: 1\r\n\r\n!`;
		expect(read(text)).toMatchObject({
			status: 200,
			headers: { 'content-length': '1' },
			body: '!',
		});
	});

	it('is followed by what does not belong to it', () => {
		expect(read(`${OK}content-length: 1\r\n\r\n!${OK}`)).toMatchObject({
			body: '!',
			rest: OK.length,
		});
		const chunked = `${OK}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`;
		expect(read(`${chunked}${OK}`)).toMatchObject({ done: true, rest: OK.length });
	});

	it('joins headers of one name, but for cookies', () => {
		const { headers } = read(
			`${OK}a: 1\r\nA: 2\r\nset-cookie: x\r\nset-cookie: y\r\ncontent-length: 0\r\n\r\n`,
		);
		expect(headers).toMatchObject({ a: '1, 2', 'set-cookie': ['x', 'y'] });
	});

	it('cannot reach what every object has', () => {
		const { headers } = read(`${OK}__proto__: x\r\nconstructor: y\r\ncontent-length: 0\r\n\r\n`);
		expect(headers).toEqual({ constructor: 'y', 'content-length': '0' });
	});

	it.each([
		['', 4000],
		['connection: close\r\n', 0],
		['Connection: x, Close\r\n', 0],
		['keep-alive: timeout=5\r\n', 3000],
		['keep-alive: timeout=1\r\n', 0],
		['keep-alive: max=3, timeout=100000\r\n', 600_000],
	])('with %j lets its connection be used again for %i ms', (header, keptFor) => {
		expect(read(`${OK}${header}content-length: 0\r\n\r\n`).keptFor).toBe(keptFor);
		expect(read(`HTTP/1.0 200 OK\r\n${header}content-length: 0\r\n\r\n`).keptFor).toBe(0);
	});

	it('reads the same, however its bytes are cut on their way', () => {
		const heads = fc.constantFrom('', 'content-type: text/plain\r\n', 'a: 1\r\nset-cookie: x\r\n');
		const body = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 30 }), {
			maxLength: 5,
		});
		const cuts = fc.array(fc.nat(400), { maxLength: 12 });
		fc.assert(
			fc.property(heads, body, fc.boolean(), cuts, (head, parts, chunked, at) => {
				const whole = parts.join('');
				const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
				const text = chunked
					? `${OK}${head}transfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
					: `${OK}${head}content-length: ${whole.length}\r\n\r\n${whole}`;
				const got = read(`${text}next`, { cuts: at });
				expect(got).toEqual({ ...read(`${text}next`), body: whole, done: true, rest: 4 });
			}),
		);
	});
});

describe('what came before from the same origin', () => {
	const answers = [
		`${OK}content-length: 5\r\n\r\nhello`,
		`${OK}content-length: 6\r\n\r\nhello!`,
		`${OK}content-length: 5\r\nx-a: b\r\n\r\nhello`,
		`${OK}content-length: 5\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nhello`,
		`${OK}content-length: 5\r\nconnection: close\r\n\r\nhello`,
		`${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
		'HTTP/1.1 503 Busy\r\ncontent-length: 5\r\n\r\nhello',
		`HTTP/1.1 103 Early\r\nlink: x\r\n\r\n${OK}content-length: 5\r\n\r\nhello`,
		`HTTP/1.1 103 Early\r\nlink: x\r\n\r\n${OK}content-length: 0\r\n\r\n`,
		'HTTP/1.1 204 None\r\n\r\n',
	];

	it('changes nothing of an answer, however both are cut', () => {
		const cuts = fc.array(fc.nat(200), { maxLength: 3 });
		const pieces = fc.record({ text: fc.constantFrom(...answers), cuts });
		fc.assert(
			fc.property(fc.array(pieces, { minLength: 2, maxLength: 5 }), (several) => {
				const lastHead = new LastHead();
				for (const { text, cuts: at } of several) {
					const got = read(`${text}next`, { cuts: at, lastHead });
					expect(got).toEqual(read(`${text}next`));
				}
			}),
		);
	});

	it('is read once, and nobody can change it for the next', () => {
		const seen: object[] = [];
		const lastHead = new LastHead();
		const bytes = Buffer.from(`${OK}content-length: 0\r\nset-cookie: a\r\n\r\n`);
		for (let i = 0; i < 2; i++) {
			const onHead = (_status: number, headers: object): void => void seen.push(headers);
			new AnswerReader({ onHead, onData: () => undefined }, lastHead).read(bytes);
		}
		expect(seen[1]).toBe(seen[0]);
		expect(Object.isFrozen(seen[0])).toBe(true);
		expect(Object.isFrozen((seen[0] as { 'set-cookie': string[] })['set-cookie'])).toBe(true);
	});

	it('makes no answer of what is none', () => {
		const lastHead = new LastHead();
		read(`${OK}content-length: 1\r\n\r\n!`, { lastHead });
		const bad = `${OK}content-length: 1\r\na\r\n\r\n!`;
		expect(() => read(bad, { lastHead })).toThrow(AnswerError);
		expect(() => read(bad, { lastHead })).toThrow(AnswerError);
	});
});

describe('no answer, so that its connection ends, is', () => {
	it.each([
		['another protocol', '220 smtp ready\r\n\r\n'],
		['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
		['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
		['a bare line feed', 'HTTP/1.1 200 OK\na: b\r\n\r\n'],
		['a bare carriage return', `${OK}a: b\rc\r\n\r\n`],
		['a folded header', `${OK}a: b\r\n c\r\n\r\n`],
		['a name with a space behind it', `${OK}content-length : 1\r\n\r\n!`],
		['a name that is none', `${OK}: b\r\n\r\n`],
		['a line without a colon', `${OK}a\r\n\r\n`],
		['a NUL in a value', `${OK}a: \0\r\n\r\n`],
		['two lengths', `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\n!!`],
		['a length that is none', `${OK}content-length: +1\r\n\r\n!`],
		['a negative length', `${OK}content-length: -1\r\n\r\n!`],
		['an empty length', `${OK}content-length:\r\n\r\n!`],
		[
			'a length and chunks',
			`${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
		],
		['a coding that is not chunked', `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
		['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
		['a chunk of no size', `${OK}transfer-encoding: chunked\r\n\r\n;\r\n`],
		['a chunk of a size with a sign', `${OK}transfer-encoding: chunked\r\n\r\n-1\r\n`],
		['a chunk of 0x1', `${OK}transfer-encoding: chunked\r\n\r\n0x1\r\n!\r\n`],
		['a chunk that is longer than it says', `${OK}transfer-encoding: chunked\r\n\r\n1\r\n!!\r\n`],
		['a chunk with a bare line feed', `${OK}transfer-encoding: chunked\r\n\r\n1\n!\r\n`],
		['a size line without end', `${OK}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(5000)}`],
		[
			'trailers without end',
			`${OK}transfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(5000)}`,
		],
		['a trailer that is none', `${OK}transfer-encoding: chunked\r\n\r\n0\r\na b: c\r\n\r\n`],
		[
			'a length in a trailer',
			`${OK}transfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 0\r\n\r\n`,
		],
		['another protocol on the way', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n'],
		['a go-ahead that nobody asked for', 'HTTP/1.1 100 Continue\r\n\r\n'],
		['nothing but hints', 'HTTP/1.1 103 Early\r\n\r\n'.repeat(9)],
		['a head without end', `${OK}a: ${'x'.repeat(20_000)}`],
		['a head that is too long', `${OK}a: ${'x'.repeat(20_000)}\r\n\r\n`],
	])('%s', (_, text) => {
		expect(() => read(text)).toThrow(AnswerError);
		expect(() => read(text, { cuts: [...text.slice(0, 200)].map((_char, i) => i) })).toThrow(
			AnswerError,
		);
	});
});
