import { createHash } from 'node:crypto';

import type { JsonValue } from '../contract/json.ts';
import type { RunSpec } from '../contract/schedule.ts';

/** The content address of a spec: SHA-256 of its canonical JSON. */
export function specId(spec: RunSpec): string {
	return createHash('sha256')
		.update(canonicalJson(spec as unknown as JsonValue))
		.digest('hex');
}

/** JSON with sorted keys and without undefined: the same value always gives the same text. */
export function canonicalJson(value: JsonValue | undefined): string {
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
	if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
	const fields = Object.keys(value)
		.filter((key) => value[key] !== undefined)
		.sort()
		.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
	return `{${fields.join(',')}}`;
}
