import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

import { loadConfig } from '../../engine/config.ts';
import type { Actor } from '../../engine/contract/access.ts';
import type { Engine } from '../../engine/main.ts';
import { createEngine } from '../../engine/main.ts';
import type { Context } from '../../engine/pipeline/context.ts';
import type { SessionAdapter, SessionCall } from '../../engine/sessions/session.port.ts';

/** Engines that share a store share these. */
const KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

/**
 * The engine in this process, with a further binding for the work of a benchmark.
 * @param options.place the folder that it keeps everything in, or the URL of its store
 */
export async function createBenchEngine(options: {
	place: string;
	settings?: Readonly<Record<string, string>> | undefined;
	sessions?: readonly SessionAdapter[];
}): Promise<Engine> {
	const config = loadConfig({
		...settingsOf(options.place),
		CAPSCHEDULER_PORT: '0',
		CAPSCHEDULER_LOG: 'warn:json',
		CAPSCHEDULER_RATE_LIMIT: '0',
		...options.settings,
	});
	return createEngine(config, { sessions: options.sessions ?? [] });
}

function settingsOf(place: string): Record<string, string> {
	if (!place.includes('://')) return { CAPSCHEDULER_DATA_DIR: place };
	// for what an engine needs for a while
	const folder = mkdtempSync(join(tmpdir(), 'capscheduler-bench-'));
	process.once('exit', () => {
		rmSync(folder, { recursive: true, force: true });
	});
	return {
		CAPSCHEDULER_DATA_DIR: folder,
		CAPSCHEDULER_STORE: place,
		CAPSCHEDULER_KEYS: KEYS,
	};
}

const NULL = Buffer.from('null');

/** A binding whose work is a function of this process, as that of the peers is. Default: nothing at all. */
export function handler(
	type: string,
	work: (call: SessionCall) => Uint8Array = () => NULL,
): SessionAdapter {
	return {
		type,
		title: type,
		abilities: { async: false, streaming: false },
		settings: z.strictObject({}),
		secrets: [],
		check: async () => undefined,
		invoke: (call) =>
			Promise.resolve({
				kind: 'result',
				body: { encoding: 'json', contentType: 'application/json', source: work(call) },
			}),
	};
}

/** Who a benchmark acts as, where it does not come by HTTP. */
export function benchActor({ newId }: Pick<Context, 'newId'>): Actor {
	return { keyId: newId('key'), tenant: 'default', scopes: new Set(['admin']) };
}
