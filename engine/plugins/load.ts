import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { z } from 'zod';

import { CapError } from '../contract/errors.ts';
import type { Plugin, PluginFactory, PluginHost } from './plugin.port.ts';

/** What all plug-ins bring together. */
export type Plugged = Required<Omit<Plugin, 'name'>>;

const functions = (...names: readonly string[]) =>
	z.looseObject(
		Object.fromEntries(
			names.map((name) => [
				name,
				z.custom((value) => typeof value === 'function', { error: 'a function' }),
			]),
		),
	);

/** A schema that says what may be written, so that API, docs and forms can show it. */
const schema = z.custom(
	(value) => {
		try {
			return (
				z.toJSONSchema(value as z.ZodType, { io: 'input', unrepresentable: 'any' }).type ===
				'object'
			);
		} catch {
			return false;
		}
	},
	{ error: "an object schema made with the host's zod" },
);
const name = z
	.string()
	.regex(/^[a-z][a-z0-9-]{0,39}$/, { error: 'lower-case letters, digits and dashes' });
const title = z.string().min(1).max(100);

const formatShape = functions('render').extend({
	name,
	title,
	contentType: z.string().regex(/^[a-z]+\/[a-z0-9.+-]+/, { error: 'a media type' }),
	extension: z.string().regex(/^[a-z0-9]{1,10}$/, { error: 'letters and digits' }),
	abilities: z.looseObject({
		rows: z.boolean(),
		binary: z.boolean(),
		tables: z.enum(['sheets', 'sections', 'zip', 'untouched']),
	}),
	limits: z.record(z.string(), z.number()),
	options: schema,
});
const channelShape = functions('check', 'prepare', 'send').extend({
	name,
	title,
	settings: schema,
	secrets: z.array(z.string()),
	retries: z.array(z.number()),
	timeout: z.number().positive(),
	abilities: z.looseObject({}),
	limits: z.record(z.string(), z.number()),
});
const sessionShape = functions('check', 'invoke').extend({
	type: name,
	title,
	settings: schema,
	secrets: z.array(z.string()),
	abilities: z.looseObject({}),
});
const pluginShape = z.strictObject({
	name: z.string().min(1).max(214),
	formats: z.array(formatShape).default([]),
	channels: z.array(channelShape).default([]),
	sessions: z.array(sessionShape).default([]),
});

/**
 * Loads the packages that the operator named, in order.
 * @param from the folder from which packages are looked for, by default where the engine was started; those
 *   beside the engine are found too
 * @throws CapError MODULE_UNKNOWN naming the package and what is wrong: the engine does not start half equipped
 */
export async function loadPlugins(
	names: readonly string[],
	host: PluginHost,
	from = process.cwd(),
): Promise<Plugged> {
	const all: { formats: unknown[]; channels: unknown[]; sessions: unknown[] } = {
		formats: [],
		channels: [],
		sessions: [],
	};
	for (const plugin of names) {
		const made = await make(plugin, host, from);
		const parsed = pluginShape.safeParse(made);
		if (!parsed.success) {
			const { path, message } = parsed.error.issues[0]!;
			throw refuse(plugin, `${path.join('.')}: expected ${message}`);
		}
		// the objects themselves: methods may be those of a class
		const { formats = [], channels = [], sessions = [] } = made as Plugin;
		all.formats.push(...formats);
		all.channels.push(...channels);
		all.sessions.push(...sessions);
	}
	return all as unknown as Plugged;
}

async function make(plugin: string, host: PluginHost, from: string): Promise<unknown> {
	let loaded: { default?: unknown };
	try {
		loaded = (await import(addressOf(plugin, from))) as typeof loaded;
	} catch (cause) {
		throw refuse(plugin, cause instanceof Error ? cause.message : 'it cannot be loaded', cause);
	}
	if (typeof loaded.default !== 'function') {
		throw refuse(plugin, 'expected a function as its default export');
	}
	try {
		return await (loaded.default as PluginFactory)(host);
	} catch (cause) {
		throw refuse(plugin, cause instanceof Error ? cause.message : 'it failed', cause);
	}
}

function addressOf(plugin: string, from: string): string {
	if (isAbsolute(plugin)) return pathToFileURL(plugin).href;
	try {
		return pathToFileURL(createRequire(join(from, 'index.js')).resolve(plugin)).href;
	} catch {
		// beside the engine, and packages that are for `import` only
		return plugin;
	}
}

function refuse(plugin: string, why: string, cause?: unknown): CapError {
	return new CapError('MODULE_UNKNOWN', `CAPSCHEDULER_PLUGINS: ${plugin}: ${why}`, { cause });
}
