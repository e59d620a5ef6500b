import { pino } from 'pino';
import type { Logger as PinoLogger } from 'pino';

import type { Clock } from '../clock.ts';
import { toIso } from '../contract/time.ts';
import { createPretty } from './pretty.ts';
import type { Logger, LogFields } from './observe.port.ts';
import { scrub } from './scrub.ts';

export interface LogOptions {
	level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
	style: 'pretty' | 'json';
	clock: Clock;
	/** Takes whole lines; default: standard error, written before the call returns. */
	write?: (line: string) => void;
	/** For `pretty`; default: when standard error is a terminal that shows colours. */
	colour?: boolean;
}

/**
 * Structured logs by allow-list: a message and scalar fields, nothing else. Objects do not get in, errors become
 * code and message (the stack only at `debug`), and what looks like a secret of ours is masked wherever it stands.
 */
export function createLog(options: LogOptions): Logger {
	const { level, clock } = options;
	const line = options.write ?? writeToStandardError();
	const write =
		options.style === 'json' ? line : createPretty({ write: line, colour: options.colour });
	const root = pino(
		{
			level,
			base: null,
			messageKey: 'message',
			timestamp: () => `,"time":"${toIso(clock.now())}"`,
			formatters: { level: (label) => ({ level: label }) },
			serializers: {},
		},
		{ write },
	);
	return wrap(root, level === 'debug');
}

/** Synchronous: what was logged before a crash is there. */
function writeToStandardError(): (line: string) => void {
	const stream = pino.destination({ fd: 2, sync: true });
	return (line) => {
		stream.write(line);
	};
}

function wrap(target: PinoLogger, stacks: boolean): Logger {
	return {
		debug(message, fields) {
			if (target.isLevelEnabled('debug')) target.debug(clean(fields, stacks), scrub(message));
		},
		info(message, fields) {
			if (target.isLevelEnabled('info')) target.info(clean(fields, stacks), scrub(message));
		},
		warn(message, fields) {
			if (target.isLevelEnabled('warn')) target.warn(clean(fields, stacks), scrub(message));
		},
		error(message, fields) {
			if (target.isLevelEnabled('error')) target.error(clean(fields, stacks), scrub(message));
		},
		with: (fields) => wrap(target.child(clean(fields, stacks)), stacks),
	};
}

/** Names that a line has of its own. */
const TAKEN = new Set(['level', 'time', 'message']);
const MAX_CAUSES = 3;

type Clean = Record<string, unknown>;

function clean(fields: LogFields | undefined, stacks: boolean): Clean {
	const kept: Clean = {};
	for (const name in fields) {
		const value = fields[name];
		if (value === undefined) continue;
		kept[TAKEN.has(name) ? `${name}_` : name] = cleanValue(value, stacks);
	}
	return kept;
}

/** The type allows nothing else than scalars and errors; what comes all the same is named by its type alone. */
function cleanValue(value: unknown, stacks: boolean): unknown {
	if (typeof value === 'string') return scrub(value);
	if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
	if (value instanceof Error) return cleanError(value, stacks, MAX_CAUSES);
	return `(${typeof value} left out)`;
}

function cleanError(error: Error, stacks: boolean, causes: number): Clean {
	const { code } = error as { code?: unknown };
	return {
		code: typeof code === 'string' || typeof code === 'number' ? code : error.name,
		message: scrub(error.message),
		...(stacks && error.stack !== undefined ? { stack: scrub(error.stack) } : {}),
		...(error.cause instanceof Error && causes > 0
			? { cause: cleanError(error.cause, stacks, causes - 1) }
			: {}),
	};
}
