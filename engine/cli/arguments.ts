import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import type { JsonObject, JsonValue } from '../contract/json.ts';
import { instantSchema, parseDuration } from '../contract/time.ts';
import type { Api } from './client.ts';
import { createApi } from './client.ts';
import { CliError, EXIT } from './exit.ts';

/** Options that every command takes. */
export interface Globals {
	json?: boolean;
	url?: string;
	key?: string;
}

/** What an action of the API commands works with. */
export interface Call<O> {
	api: Api;
	json: boolean;
	options: O & Globals;
}

/** Makes an action out of a function that gets its arguments and the connection. */
export function withApi<A extends unknown[], O = object>(
	act: (call: Call<O>, ...args: A) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
	return async (...all) => {
		const command = all.at(-1) as Command;
		const options = command.optsWithGlobals<O & Globals>();
		const call = { api: createApi(options), json: options.json === true, options };
		await act(call, ...(all.slice(0, -2) as A));
	};
}

/** A JSON object out of a file, or standard input when it is `-`. */
export async function readJson(file: string): Promise<JsonObject> {
	return parseObject(await readText(file), file === '-' ? 'standard input' : file);
}

/** The text of a file, or of standard input when it is `-`. */
export async function readText(file: string): Promise<string> {
	try {
		return file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
	} catch (error) {
		throw new CliError(EXIT.usage, `cannot read ${file}: ${(error as Error).message}`);
	}
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<string> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of stream) chunks.push(chunk);
	return Buffer.concat(chunks).toString('utf8');
}

export function parseObject(text: string, where: string): JsonObject {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		throw new CliError(EXIT.usage, `${where}: not JSON: ${(error as Error).message}`);
	}
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		throw new CliError(EXIT.usage, `${where}: expected a JSON object`);
	}
	return value as JsonObject;
}

/** `year=2014` gives a number, `name=x` a text, `filter={"a":1}` an object; may be given many times. */
export function collectParameter(entry: string, before: JsonObject = {}): JsonObject {
	const at = entry.indexOf('=');
	if (at < 1) throw new InvalidArgumentError('expected name=value');
	const text = entry.slice(at + 1);
	let value: JsonValue = text;
	try {
		value = JSON.parse(text) as JsonValue;
	} catch {
		// plain text
	}
	return { ...before, [entry.slice(0, at)]: value };
}

export function collect(entry: string, before: string[] = []): string[] {
	return [...before, entry];
}

export function parseCount(text: string): number {
	const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
	if (count < 1) throw new InvalidArgumentError('expected a whole number above 0');
	return count;
}

/** As the API takes it: as it was given. */
export function parseInstant(text: string): string {
	const { success, error } = instantSchema.safeParse(text);
	if (success) return text;
	const [issue] = error.issues;
	throw new InvalidArgumentError(`expected ${issue?.message ?? 'an instant'}`);
}

/** Milliseconds. */
export function parseWait(text: string): number {
	const wait = parseDuration(text);
	if (wait === undefined || wait === 0)
		throw new InvalidArgumentError('expected a duration like 30s');
	return wait;
}

/** Encodes an argument that becomes one segment of a path. */
export const segment = (text: string): string => encodeURIComponent(text);
