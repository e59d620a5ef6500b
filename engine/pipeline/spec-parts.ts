import type { Channel } from '../channels/channel.port.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { invalid, parseInput, shown } from '../contract/zod-issues.ts';
import type { Format } from '../formats/format.port.ts';
import type { Context } from './context.ts';

/** Secrets made by the engine, by the place in the input that they are for; answered once. */
export type GeneratedSecrets = Record<string, string>;

/** Keeps the secrets of one target apart from those of the others of the same spec. */
export function targetPrefix(key: string): string {
	return `targets.${key}.`;
}

export function findFormat(ctx: Pick<Context, 'formats'>, name: string, path: string): Format {
	const format = ctx.formats.get(name);
	if (format !== undefined) return format;
	const known = ctx.formats.list().map(({ name: known }) => known);
	throw inputError('FORMAT_UNKNOWN', {
		path,
		expected: `one of ${known.join(', ')}`,
		received: shown(name),
	});
}

export function findChannel(ctx: Pick<Context, 'channels'>, name: string, path: string): Channel {
	const channel = ctx.channels.get(name);
	if (channel !== undefined) return channel;
	const known = ctx.channels.list().map(({ name: known }) => known);
	throw inputError('CHANNEL_UNKNOWN', {
		path,
		expected: `one of ${known.join(', ')}`,
		received: shown(name),
	});
}

/** Settings of a channel, parsed and found to be allowed, with the secrets that the engine made for them. */
export async function checkedSettings(
	channel: Channel,
	input: JsonObject | undefined,
	path: string,
): Promise<{ settings: JsonObject; generated: Record<string, string> }> {
	const parsed = parseInput(channel.settings, input ?? {}, { path }) as JsonObject;
	const generated = channel.generate?.(parsed) ?? {};
	const settings = { ...parsed, ...generated };
	try {
		await channel.check(settings);
	} catch (error) {
		throw below(path, error);
	}
	return { settings, generated };
}

/** Puts the place in front of the paths of an error that was thrown for a part. */
export function below(path: string, error: unknown): unknown {
	if (!(error instanceof CapError) || error.issues.length === 0) return error;
	const issues = error.issues.map((issue) => ({
		...issue,
		path: issue.path.startsWith(path)
			? issue.path
			: `${path}.${issue.path.replace(/^settings\./, '')}`,
	}));
	return invalid(issues, error.code);
}
