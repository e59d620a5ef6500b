import { z } from 'zod';

import { nearest } from './nearest.ts';
import { plannedFields } from './planned.ts';

const TYPES: Record<string, string> = {
	string: 'a string',
	number: 'a number',
	int: 'an integer',
	boolean: 'true or false',
	array: 'a list',
	object: 'an object',
	record: 'an object',
	null: 'null',
	undefined: 'nothing',
	never: 'nothing',
};

/** What zod wanted, so that it reads well after "expected". */
export function expectation(issue: z.core.$ZodIssue): string {
	switch (issue.code) {
		case 'invalid_type':
			return TYPES[issue.expected] ?? issue.expected;
		case 'invalid_value':
			return oneOf(issue.values);
		case 'too_big':
			return `${issue.exact ? 'exactly' : 'at most'} ${amount(issue.maximum, issue.origin)}`;
		case 'too_small':
			return `${issue.exact ? 'exactly' : 'at least'} ${amount(issue.minimum, issue.origin)}`;
		case 'invalid_union':
			return union(issue);
		case 'invalid_key':
		case 'invalid_element': {
			const [inner] = issue.issues;
			return inner === undefined ? 'another key' : `a key with ${expectation(inner)}`;
		}
		default:
			return issue.message.replace(/^Invalid (?:input|string): (?:expected )?/, '');
	}
}

function union(issue: z.core.$ZodIssueInvalidUnion): string {
	// what the field that tells branches apart may be; zod's types do not know it yet
	const { options } = issue as { options?: readonly unknown[] };
	if (options !== undefined) return oneOf(options);
	if (issue.message !== 'Invalid input') return issue.message;
	const words = issue.errors.flatMap((branch) => branch.slice(0, 1)).map(branchWords);
	return words.length === 0 ? 'another value' : [...new Set(words)].join(' or ');
}

/** What a branch wants of the value itself, or of a field in it. */
function branchWords(issue: z.core.$ZodIssue): string {
	const field = issue.code === 'invalid_union' ? issue.path[0] : undefined;
	const wanted = expectation(issue);
	return field === undefined ? wanted : `an object with "${String(field)}": ${wanted}`;
}

function oneOf(values: readonly unknown[]): string {
	const texts = values.map((value) => JSON.stringify(value));
	return texts.length === 1 ? texts.join() : `one of ${texts.join(', ')}`;
}

function amount(limit: number | bigint, origin: string): string {
	if (origin === 'string') return `${limit} characters`;
	if (origin === 'array') return `${limit} items`;
	return String(limit);
}

/** `"time" and "frequency"` */
export function listed(names: readonly string[]): string {
	return names.map((name) => `"${name}"`).join(' and ');
}

/** Of an unknown field that the API will have: what to send until then. */
export function insteadOf(
	schema: z.ZodType | undefined,
	path: readonly PropertyKey[],
	key: string,
): string | undefined {
	for (const each of schema === undefined ? [] : schemasAt(schema, path)) {
		const planned = plannedFields.get(each)?.planned ?? {};
		if (Object.hasOwn(planned, key)) return planned[key];
	}
	return undefined;
}

/** For an unknown field: the known name that it may mean, or else all that there are. */
export function expectedField(
	schema: z.ZodType | undefined,
	path: readonly PropertyKey[],
	key: string,
): string {
	const known = schema === undefined ? [] : fieldsAt(schema, path);
	if (known.length === 0) return 'no such field';
	const close = nearest(key, known);
	if (close !== undefined) return `a known field, perhaps "${close}"`;
	return `one of the fields ${known.join(', ')}`;
}

/** The fields of the object schema at the path; empty when there is none. */
function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
	const found = schemasAt(schema, path);
	return [
		...new Set(found.flatMap((at) => (at instanceof z.ZodObject ? Object.keys(at.shape) : []))),
	];
}

function schemasAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType[] {
	return path.reduce<z.core.$ZodType[]>(
		(schemas, key) => schemas.flatMap((each) => inside(each, key)),
		unwrapped(schema),
	);
}

function inside(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType[] {
	if (schema instanceof z.ZodObject) {
		const field = (schema.shape as Record<PropertyKey, z.core.$ZodType | undefined>)[key];
		return field === undefined ? [] : unwrapped(field);
	}
	if (schema instanceof z.ZodArray) return unwrapped(schema.element);
	if (schema instanceof z.ZodRecord) return unwrapped(schema.valueType);
	return [];
}

/** Takes off what wraps a schema: optional, default, transform, the branches of a union. */
function unwrapped(schema: z.core.$ZodType): z.core.$ZodType[] {
	if (schema instanceof z.ZodPipe) return unwrapped(schema.in);
	if (schema instanceof z.ZodUnion) return schema.options.flatMap(unwrapped);
	if (
		schema instanceof z.ZodOptional ||
		schema instanceof z.ZodDefault ||
		schema instanceof z.ZodPrefault ||
		schema instanceof z.ZodNullable
	) {
		return unwrapped(schema.unwrap());
	}
	return [schema];
}
