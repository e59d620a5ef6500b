import type { Schema } from '@cfworker/json-schema';
import { dereference } from '@cfworker/json-schema';

import type { JsonObject } from '../contract/json.ts';
import { pathText, shown } from '../contract/zod-issues.ts';

interface Step {
	path: string[];
	to: unknown;
}

/** Keywords with schemas that apply to the same value, and those that apply to a part of it. */
const SAME = {
	one: ['not', 'if', 'then', 'else'],
	many: ['allOf', 'anyOf', 'oneOf', 'dependentSchemas'],
};
const PART = {
	one: [
		'items',
		'contains',
		'additionalProperties',
		'propertyNames',
		'unevaluatedItems',
		'unevaluatedProperties',
	],
	many: ['prefixItems', 'properties', 'patternProperties', '$defs', 'definitions'],
};

function steps(node: Schema, { one, many }: typeof SAME): Step[] {
	return [
		...one.map((key) => ({ path: [key], to: node[key] as unknown })),
		...many.flatMap((key) =>
			Object.entries((node[key] ?? {}) as object).map(([inner, to]: [string, unknown]) => ({
				path: [key, inner],
				to,
			})),
		),
	];
}

function isNode(value: unknown): value is Schema {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The first `$ref` that leads nowhere, or back to itself without a step into the value, so that applying it
 * would never end. A reference back through a property or an item is recursion, and fine.
 */
export function wrongReference(
	given: JsonObject,
	below: string,
): { path: string; expected: string; received: string } | null {
	// the validator leaves marks in what it resolves
	const root = structuredClone(given) as Schema;
	const lookup = dereference(root);
	const nodes = new Map<Schema, string[]>();
	collect(root, [], nodes);
	const wrong = (at: string[], expected: string, received: unknown) => ({
		path: pathText(at, below),
		expected,
		received: shown(received),
	});

	const ended = new Set<Schema>();
	const open = new Set<Schema>();
	/** The path of the step that closes a circle, or null. */
	const circle = (node: Schema, path: string[]): string[] | null => {
		open.add(node);
		const target = node.$ref === undefined ? undefined : lookup[node.__absolute_ref__ ?? ''];
		for (const step of [...steps(node, SAME), { path: ['$ref'], to: target }]) {
			if (!isNode(step.to) || ended.has(step.to)) continue;
			const at = [...path, ...step.path];
			if (open.has(step.to)) return at;
			const found = circle(step.to, nodes.get(step.to) ?? at);
			if (found !== null) return found;
		}
		open.delete(node);
		ended.add(node);
		return null;
	};

	for (const [node, path] of nodes) {
		if (node.$ref !== undefined && lookup[node.__absolute_ref__ ?? ''] === undefined) {
			const expected = 'a reference to a schema in this document, such as "#/$defs/name"';
			return wrong([...path, '$ref'], expected, node.$ref);
		}
		const closing = ended.has(node) ? null : circle(node, path);
		if (closing !== null) {
			const expected = 'a reference that does not lead back to itself for the same value';
			return wrong(closing, expected, node.$ref ?? 'a circle of references');
		}
	}
	return null;
}

function collect(node: unknown, path: string[], into: Map<Schema, string[]>): void {
	if (!isNode(node)) return;
	into.set(node, path);
	for (const step of [...steps(node, SAME), ...steps(node, PART)]) {
		collect(step.to, [...path, ...step.path], into);
	}
}
