import { Validator } from '@cfworker/json-schema';
import { z } from 'zod';

import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { parseInput } from '../contract/zod-issues.ts';

/*
 * Keywords of JSON Schema 2020-12 and the form of their values. The validator takes a wrong one for none or for a
 * rule that nothing meets; other keywords are annotations and free.
 */

const schema: z.ZodType = z.lazy(() => z.union([z.boolean(), keywords]));
const count = z.number().int().min(0);
const bound = z.number();
const list = z.array(schema).min(1);
const named = z.record(z.string(), schema);
const names = z.array(z.string());
const pattern = z.string().max(1000).refine(compiles, { error: 'a regular expression' });
const type = z.enum(['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'], {
	error: 'a type of JSON Schema, or a list of them',
});

const keywords = z.looseObject({
	type: z
		.union([type, z.array(type).min(1)], { error: 'a type of JSON Schema, or a list of them' })
		.optional(),
	enum: z.array(z.json()).optional(),
	minimum: bound.optional(),
	maximum: bound.optional(),
	exclusiveMinimum: bound.optional(),
	exclusiveMaximum: bound.optional(),
	multipleOf: z.number().positive().optional(),
	minLength: count.optional(),
	maxLength: count.optional(),
	pattern: pattern.optional(),
	format: z.string().optional(),
	items: schema.optional(),
	prefixItems: list.optional(),
	contains: schema.optional(),
	minItems: count.optional(),
	maxItems: count.optional(),
	uniqueItems: z.boolean().optional(),
	properties: named.optional(),
	patternProperties: z.record(pattern, schema).optional(),
	additionalProperties: schema.optional(),
	propertyNames: schema.optional(),
	required: names.optional(),
	minProperties: count.optional(),
	maxProperties: count.optional(),
	dependentRequired: z.record(z.string(), names).optional(),
	dependentSchemas: named.optional(),
	allOf: list.optional(),
	anyOf: list.optional(),
	oneOf: list.optional(),
	not: schema.optional(),
	if: schema.optional(),
	then: schema.optional(),
	else: schema.optional(),
	$defs: named.optional(),
	$ref: z.string().optional(),
});

function compiles(source: string): boolean {
	try {
		return new RegExp(source, 'u') instanceof RegExp;
	} catch {
		return false;
	}
}

/** Refuses a JSON Schema that cannot be applied when it is registered, not when it is needed. @throws CapError INVALID_SCHEMA */
export function checkSchema(given: JsonObject, path: string): void {
	parseInput(keywords, given, { path, code: 'INVALID_SCHEMA' });
	try {
		new Validator(given, '2020-12', false).validate({});
	} catch (error) {
		throw inputError('INVALID_SCHEMA', {
			path,
			expected: 'a JSON Schema (2020-12) without references to other documents',
			received: error instanceof Error ? error.message.slice(0, 120) : 'something else',
		});
	}
}
