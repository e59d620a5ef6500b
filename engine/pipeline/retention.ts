import type { Retention } from '../stores/store.port.ts';
import type { Context } from './context.ts';

const BATCH = 1000;

/** Deletes what is older than it must be kept, in pieces. */
export async function prune({ store, clock, log }: Context, keep: Retention): Promise<void> {
	let total = 0;
	for (;;) {
		const gone = await store.prune(clock.now(), keep, BATCH);
		total += gone;
		if (gone < BATCH) break;
	}
	if (total > 0) log.info('retention removed rows', { rows: total });
}
