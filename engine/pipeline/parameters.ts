import type { OutputUnit } from '@cfworker/json-schema';
import { Validator } from '@cfworker/json-schema';

import type { ActionManifest } from '../contract/capability.ts';
import type { InputIssue } from '../contract/errors.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { invalid, pathText, shown } from '../contract/zod-issues.ts';
import { schemaErrors } from './schema-errors.ts';
import type { SchemaVerdict } from './schema-thread.ts';
import { CHECK_LIMIT, checkInThread } from './schema-thread.ts';

/** Keywords whose cost is not bounded by the sizes of schema and value: regular expressions, references, pairs. */
const COSTLY =
	/"(?:pattern|patternProperties|format|uniqueItems|unevaluated\w+|\$ref|\$recursiveRef)":/;
/** Characters of the schema times characters of the value: some milliseconds of the event loop. */
const MOST_AT_ONCE = 5_000_000;

interface Prepared {
	/** `null` for a schema that is only applied in the thread. */
	validator: Validator | null;
	size: number;
}

const prepared = new WeakMap<JsonObject, Prepared>();

function prepare(schema: JsonObject): Prepared {
	let found = prepared.get(schema);
	if (found === undefined) {
		const text = JSON.stringify(schema);
		const validator = COSTLY.test(text) ? null : new Validator(schema, '2020-12', false);
		found = { validator, size: text.length };
		prepared.set(schema, found);
	}
	return found;
}

async function verdictOf(schema: JsonObject, value: JsonObject): Promise<SchemaVerdict> {
	let ready: Prepared;
	try {
		ready = prepare(schema);
	} catch {
		// stored before schemas were checked when they were registered
		return 'unusable';
	}
	const { validator, size } = ready;
	if (validator !== null && size * JSON.stringify(value).length <= MOST_AT_ONCE) {
		return schemaErrors(validator, value) ?? 'unusable';
	}
	return checkInThread({ schema, value });
}

/** Checks parameters against the action's JSON Schema. @throws CapError INVALID_PARAMETERS */
export async function checkParameters(
	action: ActionManifest,
	parameters: JsonObject,
): Promise<void> {
	if (action.parameters === undefined) return;
	const verdict = await verdictOf(action.parameters, parameters);
	if (typeof verdict === 'string') {
		const received = {
			late: `some that could not be checked in time (${CHECK_LIMIT} ms)`,
			unusable: 'some that its schema cannot be applied to',
		}[verdict];
		const expected = 'parameters that the JSON Schema of the action can be applied to';
		throw inputError('INVALID_PARAMETERS', { path: 'parameters', expected, received });
	}
	if (verdict.length > 0) throw invalid(parameterIssues(verdict, parameters), 'INVALID_PARAMETERS');
}

/** The innermost errors say what is wrong; those around them only repeat that something is. */
function parameterIssues(errors: readonly OutputUnit[], parameters: JsonObject): InputIssue[] {
	const inner = errors.filter(
		(error) =>
			!errors.some(
				(other) =>
					other !== error &&
					other.keywordLocation.startsWith(`${error.keywordLocation}/`) &&
					other.instanceLocation.startsWith(error.instanceLocation),
			),
	);
	return inner
		.filter(
			({ keyword }) => keyword !== 'additionalProperties' && keyword !== 'unevaluatedProperties',
		)
		.slice(0, 20)
		.map((error): InputIssue => {
			const steps = error.instanceLocation
				.split('/')
				.slice(1)
				.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
			const missing = error.keyword === 'required' ? lastQuoted(error.error) : undefined;
			if (missing !== undefined) {
				const path = pathText([...steps, missing], 'parameters');
				return { path, expected: 'a value, it is required', received: 'nothing' };
			}
			return {
				path: pathText(steps, 'parameters'),
				expected: expectation(error),
				received: shown(steps.reduce<unknown>(child, parameters)),
			};
		});
}

const BOUNDS: Record<string, string> = {
	minimum: 'at least',
	maximum: 'at most',
	exclusiveMinimum: 'more than',
	exclusiveMaximum: 'less than',
	multipleOf: 'a multiple of',
};

const SENTENCES: Record<string, string> = {
	not: 'a value that the schema under "not" does not match',
	false: 'no such parameter',
	anyOf: 'a value that matches one of the schemas under "anyOf"',
	oneOf: 'a value that matches exactly one of the schemas under "oneOf"',
	pattern: 'a text that matches the pattern of the schema',
};

/** The validator's sentences, turned into what would be right. */
function expectation({ keyword, error }: OutputUnit): string {
	const text = error.replace(/\.$/, '');
	const bound = BOUNDS[keyword];
	if (bound !== undefined) return `${bound} ${text.slice(text.lastIndexOf(' ') + 1)}`;
	const sentence = SENTENCES[keyword];
	if (sentence !== undefined) return sentence;
	if (keyword === 'type') return lastQuoted(error) ?? text;
	if (keyword === 'format') return `a text of the format ${lastQuoted(error) ?? 'in the schema'}`;
	const [, size, limit] = /\(\d+ ([<>]) (\d+)\)$/.exec(text) ?? [];
	if (limit !== undefined) {
		const unit = keyword.endsWith('Length') ? 'characters' : 'items';
		return `${size === '<' ? 'at least' : 'at most'} ${limit} ${unit}`;
	}
	const [, choices] = /^Instance does not match any of \[(.*)\]$/.exec(text) ?? [];
	return shortened(choices === undefined ? text : `one of ${choices}`);
}

function shortened(text: string): string {
	return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}

function lastQuoted(text: string): string | undefined {
	return /"([^"]*)"\.?$/.exec(text)?.[1];
}

function child(value: unknown, step: string): unknown {
	if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
	return (value as Record<string, unknown>)[step];
}
