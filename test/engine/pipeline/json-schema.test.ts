import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { CapError } from '../../../engine/contract/errors.ts';
import type { JsonObject } from '../../../engine/contract/json.ts';
import { checkSchema } from '../../../engine/pipeline/json-schema.ts';
import { checkParameters } from '../../../engine/pipeline/parameters.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';

const issue = (error: unknown): object => {
	const { code, issues = [] } = error as CapError;
	return { code, ...issues[0] };
};

function refused(schema: object): object {
	try {
		checkSchema(schema as JsonObject, 'p');
	} catch (error) {
		return issue(error);
	}
	throw new Error('accepted');
}

const check = async (schema: object, parameters: JsonObject): Promise<object | undefined> =>
	checkParameters({ parameters: schema } as never, parameters).then(() => undefined, issue);

describe('a schema that cannot be applied is refused at its wrong keyword', () => {
	const x = (schema: object): object => ({ properties: { x: schema } });
	it.each([
		[x({ pattern: '(' }), 'p.properties.x.pattern', 'a regular expression'],
		[x({ enum: 'abc' }), 'p.properties.x.enum', 'a list'],
		[x({ type: 'nope' }), 'p.properties.x.type', 'a type of JSON Schema, or a list of them'],
		[{ required: 'x' }, 'p.required', 'a list'],
		[x({ minimum: 'a' }), 'p.properties.x.minimum', 'a number'],
		[{ anyOf: {} }, 'p.anyOf', 'a list'],
		[x({ items: 3 }), 'p.properties.x.items', 'a JSON Schema: an object, true or false'],
		[x({ $ref: '#/properties/x' }), 'p.properties.x.$ref', expect.stringContaining('itself')],
		[{ allOf: [{ $ref: '#' }] }, 'p.allOf["0"].$ref', expect.stringContaining('itself')],
		[x({ $ref: '#/$defs/no' }), 'p.properties.x.$ref', expect.stringContaining('#/$defs/name')],
	])('%j', (schema, path, expected) => {
		expect(refused(schema)).toMatchObject({ code: 'INVALID_SCHEMA', path, expected });
	});

	it('says nothing of its inner workings about one that is nested without end', () => {
		let deep: object = {};
		for (let i = 0; i < 20_000; i += 1) deep = { not: deep };
		const told = refused(deep);
		expect(told).toMatchObject({ code: 'INVALID_SCHEMA', path: 'p' });
		expect(JSON.stringify(told)).not.toMatch(/stack/);
	});
});

describe('parameters', () => {
	it('are checked by a schema that contains itself', async () => {
		const schema = { type: 'object', properties: { n: { type: 'number' }, child: { $ref: '#' } } };
		checkSchema(schema, 'p');
		expect(await check(schema, { child: { child: { n: 1 } } })).toBeUndefined();
		expect(await check(schema, { child: { child: { n: 'a' } } })).toMatchObject({
			path: 'parameters.child.child.n',
			expected: 'number',
		});
	});

	it.each([
		[{ exclusiveMaximum: 0 }, 0, 'less than 0'],
		[{ exclusiveMinimum: 0 }, 0, 'more than 0'],
		[{ minimum: 1 }, 0, 'at least 1'],
		[{ maximum: -1 }, 0, 'at most -1'],
		[{ multipleOf: 2 }, 1, 'a multiple of 2'],
		[{ not: { type: 'number' } }, 0, 'a value that the schema under "not" does not match'],
		[{ minLength: 3 }, 'a', 'at least 3 characters'],
		[{ maxItems: 1 }, [1, 2], 'at most 1 items'],
		[{ pattern: '^a$' }, 'b', 'a text that matches the pattern of the schema'],
	])('%j and %j: expected %s', async (x, value, expected) => {
		expect(await check({ properties: { x } }, { x: value })).toMatchObject({
			code: 'INVALID_PARAMETERS',
			path: 'parameters.x',
			expected,
		});
	});

	it('are refused, never a failure of the engine, where the schema fails on them', async () => {
		const schema = { properties: { x: { pattern: '(' } } };
		expect(await check(schema, { x: 'a' })).toMatchObject({ code: 'INVALID_PARAMETERS' });
	});
});

describe('a regular expression that backtracks without end', () => {
	let server: CapabilityServer;
	let bed: Bed;
	beforeAll(async () => {
		server = await new CapabilityServer().start();
		bed = await startBed();
		const parameters = { properties: { x: { type: 'string', pattern: '^(a+)+$' } } };
		await bed.register('slow', server.json('/rows', []), { actions: { go: { parameters } } });
	});
	afterAll(async () => {
		await bed.close();
		await server.close();
	});

	it('is given up while the event loop goes on, and the next check is answered', async () => {
		const invoke = async (x: string) =>
			bed.admin.post('/v1/capabilities/slow/actions/go/invoke', { parameters: { x } });
		let turns = 0;
		const beat = setInterval(() => (turns += 1), 5);
		const { status, body } = await invoke(`${'a'.repeat(60)}!`);
		clearInterval(beat);
		expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_PARAMETERS' });
		expect(body.errors[0].received).toContain('could not be checked in time');
		expect(turns).toBeGreaterThan(5);
		expect((await invoke('aaa')).status).toBeLessThan(300);
	});
});
