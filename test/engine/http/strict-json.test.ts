import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { InputIssue } from '../../../engine/contract/errors.ts';
import { CapError } from '../../../engine/contract/errors.ts';
import { MAX_DEPTH, parseStrictJson } from '../../../engine/http/strict-json.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

function refusal(text: string | Uint8Array): {
	code: string;
	path: string | undefined;
	message: string;
	issue: InputIssue | undefined;
} {
	try {
		parseStrictJson(typeof text === 'string' ? bytes(text) : text);
	} catch (error) {
		if (!(error instanceof CapError)) throw error;
		const [issue] = error.issues;
		return { code: error.code, path: issue?.path, message: error.message, issue };
	}
	throw new Error(`accepted: ${String(text)}`);
}

const parses = (text: string): boolean => {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
};

describe('strict JSON', () => {
	it('reads every JSON value as JSON.parse does', () => {
		const value = fc.jsonValue({ maxDepth: 6, noUnicodeString: false });
		fc.assert(
			fc.property(value, fc.constantFrom('', '\t', 2), (json, indent) => {
				const text = JSON.stringify(json, null, indent);
				fc.pre(!text.includes('__proto__'));
				expect(parseStrictJson(bytes(text))).toEqual(JSON.parse(text));
			}),
			{ numRuns: 500 },
		);
	});

	it('accepts a mutilated text only when JSON.parse accepts it, with the same value', () => {
		const part = fc.constantFrom(
			...['{', '}', '[', ']', ',', ':', '"', '\\', '"a"', '"b"', '0', '-', '1.5', '1e5', '.', 'e'],
			...['true', 'null', 'nul', ' ', '\n', '\\u00e9', '"\\u0041"', '\u0007', 'é', '01', '+1'],
		);
		const soup = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
		const cut = fc
			.tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat(), fc.nat(3), soup)
			.map(([json, at, drop, insert]) => {
				const text = JSON.stringify(json);
				const start = at % (text.length + 1);
				return text.slice(0, start) + insert + text.slice(start + drop);
			});
		fc.assert(
			fc.property(fc.oneof(soup, cut), (text) => {
				let mine: unknown;
				try {
					mine = parseStrictJson(bytes(text));
				} catch (error) {
					if (!(error instanceof CapError)) throw error;
					// stricter only for these reasons
					const overflow = error.message.includes('a number that a double');
					const refused = text.includes('proto') ? 'FORBIDDEN_KEY' : 'DUPLICATE_KEY';
					if (parses(text) && !overflow) expect(['DUPLICATE_KEY', refused]).toContain(error.code);
					return;
				}
				expect(mine).toEqual(JSON.parse(text));
			}),
			{ numRuns: 3000 },
		);
	});

	it('never fails otherwise than with a code, whatever the bytes', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 40 }), (soup) => {
				try {
					parseStrictJson(soup);
				} catch (error) {
					expect(error).toBeInstanceOf(CapError);
				}
			}),
		);
	});

	it.each([
		['{"a":1,"a":2}', 'DUPLICATE_KEY', 'a'],
		['{"a":1,"\\u0061":2}', 'DUPLICATE_KEY', 'a'],
		[
			'{"delivery":{"targets":[{},{"format":1,"format":2}]}}',
			'DUPLICATE_KEY',
			'delivery.targets[1].format',
		],
		['{"a b":{"c":0,"c":0}}', 'DUPLICATE_KEY', '["a b"].c'],
		['{"x":{"__proto__":{"admin":true}}}', 'FORBIDDEN_KEY', 'x.__proto__'],
		['{"\\u005f_proto__":1}', 'FORBIDDEN_KEY', '__proto__'],
		['{"constructor":{"prototype":{}}}', 'FORBIDDEN_KEY', 'constructor.prototype'],
	])('refuses %s with %s at %s', (text, code, path) => {
		expect(refusal(text)).toMatchObject({ code, path });
	});

	it('lets the words constructor and prototype stand alone', () => {
		expect(parseStrictJson(bytes('{"constructor":1,"prototype":2}'))).toEqual({
			constructor: 1,
			prototype: 2,
		});
	});

	it.each([
		['NaN', 1],
		['[1,NaN]', 4],
		['Infinity', 1],
		['-Infinity', 1],
		['{"a":1e999}', 6],
		['{"a":-1e400}', 6],
		['{"a":1} x', 9],
		['{"a":1}{', 8],
		['[1,]', 4],
		['{"a":1,}', 8],
		["{'a':1}", 2],
		['{a:1}', 2],
		['01', 2],
		['+1', 1],
		['.5', 1],
		['"tab\there"', 5],
		['"\\x41"', 2],
		['"\\ud800"', 2],
		['"\\udc00"', 2],
		['"\\ud800\\u0041"', 2],
		['"open', 6],
		['', 1],
		['  ', 3],
		['// comment\n1', 1],
		['\ufeff{}', 1],
	])('refuses %j at character %i', (text, position) => {
		const { code, message } = refusal(text);
		expect(code).toBe('INVALID_JSON');
		expect(message).toContain(`character ${position}:`);
	});

	it.each([
		['12345678901234567890', '12345678901234567890'],
		['9007199254740993', '9007199254740993'],
		['-9007199254740993.0', '-9007199254740993.0'],
		['9007199254740993.5', '9007199254740993.5'],
		['1e999', '1e999'],
		['9'.repeat(400), `${'9'.repeat(40)}…`],
	])('refuses the number %s and shows it', (number, received) => {
		const { code, path, issue, message } = refusal(`{"a":[1,${number}]}`);
		expect({ code, path }).toEqual({ code: 'INVALID_JSON', path: 'a[1]' });
		expect(issue?.expected).toMatch(
			/^a number that a double (can hold|holds exactly; send it as text)$/,
		);
		expect(issue?.received).toBe(received);
		expect(message).toContain('character 9:');
	});

	it.each([
		'9007199254740992',
		'-9007199254740994.0',
		'1152921504606847000',
		'1e22',
		'0.1',
		'1.5e300',
	])('reads the number %s', (number) => {
		expect(parseStrictJson(bytes(number))).toBe(Number(number));
	});

	it('shows the key that is wrong, and of what sounds secret no digit', () => {
		expect(refusal('{"abc":1,"abc":2}').issue?.received).toBe('"abc"');
		expect(refusal('{"__proto__":1}').issue?.received).toBe('"__proto__"');
		expect(refusal('{"password":12345678901234567890}').message).not.toContain('234');
	});

	it('reads a pair of surrogates', () => {
		expect(parseStrictJson(bytes('"\\ud83d\\ude00"'))).toBe('😀');
	});

	it('refuses bytes that are not UTF-8', () => {
		for (const soup of [
			[0x22, 0xff, 0x22],
			[0x22, 0xc3, 0x22],
			[0x22, 0xed, 0xa0, 0x80, 0x22],
		]) {
			expect(refusal(Uint8Array.from(soup)).code).toBe('NOT_UTF8');
		}
	});

	it(`reads ${MAX_DEPTH} levels and refuses one more, however long the bomb`, () => {
		const nested = (depth: number) => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2);
		expect(() => parseStrictJson(bytes(nested(MAX_DEPTH)))).not.toThrow();
		expect(refusal(`[${nested(MAX_DEPTH)}]`).code).toBe('TOO_DEEP');
		expect(refusal('['.repeat(1_000_000)).code).toBe('TOO_DEEP');
	});

	it('keeps many keys and long strings linear', () => {
		const wide = JSON.stringify(
			Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`k${i}`, i])),
		);
		const long = JSON.stringify('x'.repeat(900_000));
		expect(parseStrictJson(bytes(wide))).toEqual(JSON.parse(wide));
		expect(parseStrictJson(bytes(long))).toHaveLength(900_000);
	});
});
