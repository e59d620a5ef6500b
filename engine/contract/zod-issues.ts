import type { z } from 'zod';

import type { ErrorCode, InputIssue } from './errors.ts';
import { CapError, ERROR_STATUS } from './errors.ts';
import { expectation, expectedField, insteadOf } from './zod-words.ts';

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/;
const MAX_KEY = 64;
const MAX_ISSUES = 20;

/** `['targets', 0, 'format']` below `delivery` becomes `delivery.targets[0].format`; odd keys are quoted. */
export function pathText(path: readonly PropertyKey[], below = ''): string {
	let text = below;
	for (const part of path) {
		const key = String(part);
		if (typeof part === 'number') text += `[${part}]`;
		else if (PLAIN_KEY.test(key) && key.length <= MAX_KEY) text += text === '' ? key : `.${key}`;
		else text += `[${JSON.stringify(key.length > MAX_KEY ? `${key.slice(0, MAX_KEY)}…` : key)}]`;
	}
	return text === '' ? 'body' : text;
}

/** What came, shortened, for a message. Objects and long texts are only named. */
export function shown(value: unknown): string {
	if (value === undefined) return 'nothing';
	if (value === null || typeof value === 'boolean') return `${value}`;
	if (Array.isArray(value)) return `a list of ${value.length}`;
	if (typeof value === 'object') return 'an object';
	if (typeof value !== 'string' && typeof value !== 'number') return typeof value;
	const text = JSON.stringify(value);
	return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
	let value = root;
	for (const part of path) {
		if (typeof value !== 'object' || value === null) return undefined;
		if (!Object.hasOwn(value, part)) return undefined;
		value = (value as Record<PropertyKey, unknown>)[part];
	}
	return value;
}

const SECRET_NAME =
	/secret|password|passwd|token|key|passphrase|authorization|credential|cookie|headers/i;

export function soundsSecret(path: string): boolean {
	return SECRET_NAME.test(path);
}

/**
 * A rule over several fields tells itself what came; otherwise it is the value at the path. Of one that sounds secret
 * only that there is none.
 */
function receivedOf(issue: z.core.$ZodIssue, input: unknown, path: string): string | undefined {
	const value = valueAt(input, issue.path);
	if (soundsSecret(path)) return value === undefined ? shown(value) : undefined;
	const told: unknown = issue.code === 'custom' ? issue.params?.['received'] : undefined;
	return typeof told === 'string' ? told : shown(value);
}

/**
 * The issues of a zod error as the API shows them. Values of fields that sound secret are left out.
 * Where the schema is given, an unknown field is told with the known name that it may mean.
 */
export function issuesOf(
	error: z.ZodError,
	input: unknown,
	{ below = '', schema }: { below?: string; schema?: z.ZodType } = {},
): InputIssue[] {
	const issues = error.issues.flatMap((issue): InputIssue[] => {
		if (issue.code === 'unrecognized_keys') {
			return issue.keys.map((key) => {
				const path = pathText([...issue.path, key], below);
				const instead = insteadOf(schema, issue.path, key);
				return instead === undefined
					? {
							path,
							expected: expectedField(schema, issue.path, key),
							received: 'a field that is not known',
						}
					: { path, expected: instead, received: 'a field that is not built yet' };
			});
		}
		const path = pathText(issue.path, below);
		return [{ path, expected: expectation(issue), received: receivedOf(issue, input, path) }];
	});
	return issues.slice(0, MAX_ISSUES);
}

/** Parses at the edge. @throws CapError naming each place that is wrong */
export function parseInput<S extends z.ZodType>(
	schema: S,
	input: unknown,
	options: { path?: string; code?: ErrorCode } = {},
): z.output<S> {
	const parsed = schema.safeParse(input);
	if (parsed.success) return parsed.data;
	const issues = issuesOf(parsed.error, input, { below: options.path ?? '', schema });
	throw invalid(issues, options.code ?? codeOf(parsed.error, schema));
}

/**
 * Where nothing else is wrong, fields that are only planned are told by a code of their own, and so is what
 * a rule gives one: `params: { errorCode }`.
 */
function codeOf({ issues }: z.ZodError, schema: z.ZodType): ErrorCode {
	const codes = issues.map((issue): unknown =>
		issue.code === 'custom' ? issue.params?.['errorCode'] : undefined,
	);
	const [code] = codes;
	if (isErrorCode(code) && codes.every((other) => other === code)) return code;
	const planned = issues.every(
		(issue) =>
			issue.code === 'unrecognized_keys' &&
			issue.keys.every((key) => insteadOf(schema, issue.path, key) !== undefined),
	);
	return planned ? 'UNSUPPORTED_FIELD' : 'INVALID_REQUEST';
}

const isErrorCode = (code: unknown): code is ErrorCode =>
	typeof code === 'string' && Object.hasOwn(ERROR_STATUS, code);

export function invalid(issues: readonly InputIssue[], code: ErrorCode): CapError {
	const [first] = issues;
	const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
	const came = first?.received === undefined ? '' : `, got ${first.received}`;
	const message =
		first === undefined ? 'invalid input' : `${first.path}: expected ${first.expected}${came}`;
	return new CapError(code, message + more, { issues });
}
