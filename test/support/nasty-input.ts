import { gzipSync } from 'node:zlib';

import fc from 'fast-check';

/* What people, programs and attackers send to a REST API, by the place that it is put in. */

const NUMBERS = [0, -0, -1, 0.1, 1e308, 5e-324, 2 ** 53, 1e21];

const TEXTS = [
	...['', ' ', '0', 'null', '\u0000', '\ud83d\ude00', '\u202e', '\r\nX: y', 'a'.repeat(5000)],
	...['../../etc/passwd', '%00', "' OR 1=1 --", '=HYPERLINK("x")', '<script>alert(1)</script>'],
	'{{constructor.constructor("1")()}}',
	...['http://169.254.169.254/', 'http://[::1]:1', 'http://[::', 'http://a:b@c/', 'http://\u0000/'],
	...['file:///etc/passwd', 'javascript:alert(1)', 'https://xn--a/', 'http://1.1.1.1:99999/'],
	...['P1Y', '1e9d', '-5m', '999999999999999w', 'every 1ms', 'in -1s'],
	...['9999-12-31T23:59:59.999Z', '1969-12-31T00:00:00Z', '2027-02-30T00:00:00Z', '+275760-09-13'],
	...['0 0 31 2 *', '* * * * * *', '*/0 * * * *', '60 24 32 13 8', `${'1,'.repeat(90)}1 * * * *`],
	...['Mars/Base', 'Etc/GMT+99', 'wait=', '(a+)+$', '[', 'bm90IGEga2V5', 'MWUzMDk', 'LTEuNQ'],
];

const OBJECTS: readonly unknown[] = [
	...[{ $ne: null }, { $where: '1' }, { constructor: {} }, { $ref: '#' }, { $ref: 'http://x/' }],
	...[
		{ toString: 1, hasOwnProperty: 2, length: -1 },
		{ type: 'nothing', pattern: '(' },
		{ '': {} },
	],
];

/** A value for any place of a JSON body. */
export const nasty: fc.Arbitrary<unknown> = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.constantFrom<unknown>(null, true, [], [[]], {}, ...NUMBERS, ...TEXTS, ...OBJECTS),
	},
	{ weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
);

/** A whole body that is no JSON, or not only. */
export const nastyBytes: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(
	fc
		.constantFrom<string | Buffer>(
			...[
				'',
				'{',
				'{"a":1',
				'{"a":1,"a":2}',
				'{"__proto__":{}}',
				'[NaN]',
				'1e999',
				'"\\ud800"',
				'{}{}',
			],
			...['['.repeat(50), `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`, '\ufeff{}', '-', '01', 'nul'],
			...[Buffer.from([0xff, 0xfe, 0x7b]), Buffer.from([0x22, 0xc0, 0x80, 0x22]), gzipSync('{}')],
			...[gzipSync('{}').subarray(0, 12), gzipSync(Buffer.alloc(5_000_000, 0x20))],
		)
		.map((bytes) => new Uint8Array(Buffer.from(bytes))),
	fc.uint8Array({ maxLength: 60 }).map((bytes) => new Uint8Array(bytes)),
);

/** A segment of a path; empty stands for one that exists. */
export const nastyWord: fc.Arbitrary<string> = fc.oneof(
	{ weight: 6, arbitrary: fc.constant('') },
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			...['..', '.', '__proto__', 'constructor', '\u0000', '%', 'a/b', 'ü', 'v1', 'x'.repeat(300)],
			...['run_01kbrj7v2x9m4c8d1e5f6g7h8j', 'lnk_01kbrj7v2x9m4c8d1e5f6g7h8j.x', '{id}'],
		),
	},
);

export const nastyQuery: fc.Arbitrary<[string, unknown]> = fc.tuple(
	fc.constantFrom(
		...['limit', 'cursor', 'format', 'state', 'status', 'from', 'to', 'after', 'label', 'name'],
		...['capability', 'scheduleId', 'x', '', '__proto__'],
	),
	nasty,
);

export const nastyHeaders: fc.Arbitrary<Record<string, string>> = fc
	.record(
		{
			'if-match': fc.constantFrom(
				'"1"',
				'*',
				'"x"',
				'W/"1"',
				'1',
				'"1", "2"',
				'',
				'"99999999999999999"',
			),
			'idempotency-key': fc.oneof(
				fc.constantFrom('k', 'x'.repeat(201), 'a b', '|', '%'),
				fc.string({ maxLength: 5 }).filter((text) => /^[\x21-\x7e]*$/.test(text)),
			),
			'if-none-match': fc.constantFrom('*', '"x"', 'W/"', ','),
			'if-range': fc.constantFrom('"x"', 'Mon, 01 Jan 2027 00:00:00 GMT'),
			'last-event-id': fc.constantFrom('7', 'evt_$', 'evt_0', 'evt_99999999999999_99999'),
			'x-session-token': fc.constantFrom('x', ''),
			'content-type': fc.constantFrom(
				...[
					'text/plain',
					'application/json; charset=utf-16',
					'text/csv',
					'application/x-ndjson',
					';',
				],
			),
			'content-encoding': fc.constantFrom('gzip', 'br', 'gzip, gzip', 'identity', ''),
			prefer: fc.constantFrom('wait=0', 'wait=-1', 'wait=x', 'wait=1e9', 'return=minimal'),
			range: fc.constantFrom(
				'bytes=0-0',
				'bytes=9-',
				'bytes=-',
				'bytes=99999999999999999999-',
				'x=1',
			),
			accept: fc.constantFrom('*/*', 'text/html', 'application/json', 'x', ''),
			authorization: fc.constantFrom('Bearer', 'Basic eA==', 'Bearer csk_x'),
			origin: fc.constantFrom('null', 'http://evil.example', 'x'),
			'sec-fetch-site': fc.constantFrom('cross-site', 'none', 'x'),
			'x-forwarded-for': fc.constantFrom('127.0.0.1', "'"),
		},
		{ requiredKeys: [] },
	)
	// most of them end the request: one or two at a time let it come further
	.map((headers) => Object.fromEntries(Object.entries(headers).slice(0, 2)));

const METHODS = [
	'GET',
	'POST',
	'HEAD',
	'OPTIONS',
	'PATCH',
	'TRACE',
	'PROPFIND',
	'CONNECT',
	'get',
	'',
];
const TARGETS = [
	...[
		'/',
		'//',
		'*',
		'/%',
		'/%ff/schedule',
		'/\u0000',
		'/../r/x',
		'http://x/healthz',
		'x:1',
		'/r/%2f',
	],
	...['/v1/runs?limit=%ff', '/v1/runs?&&==', '/docs/../..', `/${'a'.repeat(20_000)}`, '/healthz#x'],
];
const FIELDS = [
	...['Host: x', 'Content-Length: -1', 'Content-Length: 5', 'Content-Length: 99999999999999999999'],
	...['Transfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Expect: 100-continue', 'Expect: x'],
	...[
		'Connection: upgrade',
		'Upgrade: websocket',
		'Host: y',
		': x',
		'X',
		' X: y',
		'A: \u0000',
		'Te: x',
	],
	...['Origin: http://[', 'Origin: x', `X: ${'a'.repeat(20_000)}`, 'Authorization: Bearer \u00ff'],
];

/** What somebody writes into a socket: nearly a request. */
export const nastyLine: fc.Arbitrary<Buffer> = fc
	.record({
		method: fc.constantFrom(...METHODS),
		target: fc.constantFrom(...TARGETS),
		version: fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', ''),
		fields: fc.array(fc.constantFrom(...FIELDS), { maxLength: 4 }),
		end: fc.constantFrom(
			'\r\n\r\n',
			'\r\n\r\n{}',
			'\r\n\r\n5\r\nabc',
			'\n\n',
			'\r\n\r\nzz\r\n',
			'',
		),
	})
	.map(({ method, target, version, fields, end }) =>
		Buffer.from([`${method} ${target} ${version}`, ...fields].join('\r\n') + end, 'latin1'),
	);
