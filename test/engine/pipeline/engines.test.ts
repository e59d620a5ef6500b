import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { createEngineRegistry, listEngines } from '../../../engine/pipeline/engines.ts';
import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';

let bed: Bed;
beforeEach(async () => {
	bed = await startBed();
});
afterEach(async () => {
	await bed.close();
});

const about = {
	...{ version: '0', roles: [], host: '', pid: 1, url: '', clockAhead: null },
	inFlight: { runs: 0, deliveries: 0, notifications: 0 },
};

it('an engine that stops while it tells of itself, or whose last word was answered too late, is stopped', async () => {
	const { context } = bed.engine;
	const id = context.newId('engine');
	const ctx = { ...context, engineId: id };
	const registry = createEngineRegistry(ctx, () => about);
	const state = async () => (await listEngines(ctx)).find((engine) => engine.id === id)?.state;
	await Promise.all([registry.start(), registry.draining()]);
	expect(await state()).toBe('draining');
	// the reply to a write was lost: the document is further than the engine knows
	const key = `engine:${id}`;
	const stored = await context.store.getShared('*', key);
	await context.store.putShared(stored!, { expected: stored!.revision, events: [] });
	await registry.stop();
	expect(await state()).toBe('stopped');
});
