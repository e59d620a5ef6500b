import { z } from 'zod';

import { CapError, inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { parseInput } from '../contract/zod-issues.ts';
import { wrongReference } from './schema-references.ts';

/*
 * Keywords of JSON Schema 2020-12 and the form of their values. The validator takes a wrong one for none or for a
 * rule that nothing meets; other keywords are annotations and free.
 */

/** Not a union, so that an issue is told at the keyword that is wrong and not at the schema around it. */
const schema = z.unknown().superRefine((value, ctx) => {
	if (typeof value === 'boolean') return;
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		ctx.addIssue({ code: 'custom', message: 'a JSON Schema: an object, true or false' });
		return;
	}
	for (const issue of keywords.safeParse(value).error?.issues ?? []) ctx.addIssue({ ...issue });
});
const count = z.number().int().min(0);
const bound = z.number();
const list = z.array(schema).min(1);
const named = z.record(z.string(), schema);
const names = z.array(z.string());
const pattern = z.string().max(1000).refine(compiles, { error: 'a regular expression' });
const type = z.enum(['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'], {
	error: 'a type of JSON Schema, or a list of them',
});

const keywords: z.ZodType = z.looseObject({
	$id: z.string().optional(),
	$anchor: z.string().optional(),
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
	unevaluatedItems: schema.optional(),
	minContains: count.optional(),
	maxContains: count.optional(),
	prefixItems: list.optional(),
	contains: schema.optional(),
	minItems: count.optional(),
	maxItems: count.optional(),
	uniqueItems: z.boolean().optional(),
	properties: named.optional(),
	patternProperties: z.record(pattern, schema).optional(),
	additionalProperties: schema.optional(),
	unevaluatedProperties: schema.optional(),
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
	definitions: named.optional(),
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
	let wrong: { path: string; expected: string; received: string } | null;
	try {
		parseInput(keywords, given, { path, code: 'INVALID_SCHEMA' });
		wrong = wrongReference(given, path);
	} catch (error) {
		if (error instanceof CapError) throw error;
		// what the validator or the stack says of its inner workings helps nobody
		wrong = {
			path,
			expected: 'a JSON Schema (2020-12) that can be applied, not nested too deeply',
			received: 'one that cannot be read',
		};
	}
	if (wrong !== null) throw inputError('INVALID_SCHEMA', wrong);
}
