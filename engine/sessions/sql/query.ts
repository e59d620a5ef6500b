import type { DeclaredColumn } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';
import type { JsonObject, JsonValue } from '../../contract/json.ts';
import type { TimeLimit } from '../shared/time-limit.ts';

/** A query on its way: its columns are known, its rows come as NDJSON when they are read. */
export interface Rows {
	columns: DeclaredColumn[];
	source: AsyncIterable<Buffer>;
	/** How many, asked after `source` was read. */
	count(): number;
}

export interface Query {
	sql: string;
	/** Names of parameters with their values, in the order of the placeholders. */
	values: readonly (readonly [name: string, value: JsonValue])[];
	limit: TimeLimit;
	signal: AbortSignal;
}

/** @throws CapError INVALID_PARAMETERS when one is missing */
export function valuesOf(names: readonly string[], parameters: JsonObject): Query['values'] {
	return names.map((name) => {
		const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
		if (value === undefined) {
			throw new CapError('INVALID_PARAMETERS', `parameters.${name}: expected a value, got none`);
		}
		return [name, value] as const;
	});
}

/** The database refused the statement: trying again gives the same. */
export function refusedBy(database: string, code: string, message: string): CapError {
	return new CapError('CAPABILITY_FAILED', `${database} ${code}: ${message}`);
}

/** The connection failed, or the server is in no state to answer. */
export function connectionFault(database: string, code: string, cause: unknown): CapError {
	const message = `no connection to ${database}${code === '' ? '' : ` (${code})`}`;
	return new CapError('TARGET_UNREACHABLE', message, { retry: 'later', cause });
}
