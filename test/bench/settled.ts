import { setTimeout as delay } from 'node:timers/promises';

import type { Context } from '../../engine/pipeline/context.ts';

/** Milliseconds between looks at the store's counts; they count all timers too, so not too often. */
const LOOK_EVERY = 50;
const ENDS = ['succeeded', 'failed', 'expired', 'cancelled'] as const;

/** Waits until so many runs have ended, asking the store's own counts. */
export async function settled(
	{ store }: Pick<Context, 'store'>,
	count: number,
	{
		every = LOOK_EVERY,
		look = () => undefined,
	}: {
		/** Milliseconds between looks. */
		every?: number;
		look?: (over: number) => void;
	} = {},
): Promise<void> {
	for (let over = 0; over < count;) {
		await delay(every);
		const { runs } = await store.counts();
		over = ENDS.reduce((sum, state) => sum + (runs[state] ?? 0), 0);
		look(over);
	}
}
