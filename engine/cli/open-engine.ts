import type { Config } from '../config.ts';
import { createEngine } from '../main.ts';
import type { Engine } from '../main.ts';

/** A running engine. A start that fails half way leaves nothing open, so that the process can end. */
export async function openEngine(config: Config): Promise<Engine> {
	const engine = await createEngine(config);
	try {
		await engine.start();
		return engine;
	} catch (error) {
		await engine.stop('the start failed').catch(() => undefined);
		throw error;
	}
}
