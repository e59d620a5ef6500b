import type { Actor } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { Schedule } from '../contract/schedule.ts';
import { mayUse } from './access.ts';
import type { Changed } from './change-schedule.ts';
import type { Context } from './context.ts';

/** Which schedules. */
export interface Selection {
	label: { key: string; value: string };
	capability?: string | undefined;
}

export interface BulkResult {
	/** How many the selection met, in whatever state. */
	matched: number;
	/** Those that are now as was asked for, and were not before. */
	changed: ScheduleId[];
	/** Those that could not be changed, and why. */
	failed: { id: ScheduleId; code: string; message: string }[];
}

const AT_ONCE = 200;

/**
 * The same act on every schedule of a selection: each guarded and committed for itself, those of a page
 * together. Doing it again changes nothing more, so a client whose answer was lost asks again.
 */
export async function changeMany(
	ctx: Context,
	actor: Actor,
	{ label, capability }: Selection,
	each: {
		wanted: (schedule: Schedule) => boolean;
		act: (id: ScheduleId) => Promise<Changed<boolean>>;
	},
): Promise<BulkResult> {
	const result: BulkResult = { matched: 0, changed: [], failed: [] };
	const filter = { label, ...(capability === undefined ? {} : { capability }) };
	let cursor: string | null = null;
	do {
		const page: Awaited<ReturnType<Context['store']['listSchedules']>> =
			await ctx.store.listSchedules(actor.tenant, filter, {
				limit: AT_ONCE,
				...(cursor === null ? {} : { cursor }),
			});
		const usable = page.items.filter((schedule) => mayUse(actor, schedule.capability));
		result.matched += usable.length;
		await Promise.all(
			usable.filter(each.wanted).map(async ({ id }) => {
				await actOn(id, each.act, result);
			}),
		);
		cursor = page.nextCursor;
	} while (cursor !== null);
	return result;
}

async function actOn(
	id: ScheduleId,
	act: (id: ScheduleId) => Promise<Changed<boolean>>,
	result: BulkResult,
): Promise<void> {
	try {
		if ((await act(id)).told) result.changed.push(id);
	} catch (error) {
		// Completed or deleted between the page and the act, for example.
		if (!(error instanceof CapError) || error.status >= 500) throw error;
		result.failed.push({ id, code: error.code, message: error.message });
	}
}
