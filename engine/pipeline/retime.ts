import { timedAnew } from '../core/schedule/retime.ts';
import type { Context } from './context.ts';

/** Schedules of one commit at most. */
const BATCH = 256;

/**
 * Works out again when schedules are due whose calendars changed since, in batches: what a crash leaves is
 * found by the next sweep, since each schedule records the versions that it was worked out with.
 * `zoneData: true` looks for other time zone data too; once at the start is enough. @returns how many
 */
export async function retime(
	ctx: Context,
	{ zoneData = false }: { zoneData?: boolean } = {},
): Promise<number> {
	const request = { limit: BATCH, ...(zoneData ? { zoneData: ctx.zoneData } : {}) };
	let total = 0;
	for (;;) {
		const now = ctx.clock.now();
		const taken = await ctx.store.retime(request, (found) =>
			timedAnew(found, { now, zoneData: ctx.zoneData }),
		);
		total += taken;
		if (taken > 0) ctx.wake.poke();
		if (taken < BATCH) return total;
	}
}
