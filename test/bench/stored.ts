import { createHash } from 'node:crypto';

import type { ScheduleInput } from '../../engine/contract/schedule.ts';
import { scheduleInputSchema } from '../../engine/contract/schedule.ts';
import { acceptSchedule } from '../../engine/pipeline/accept.ts';
import type { Context } from '../../engine/pipeline/context.ts';
import { registerCapability } from '../../engine/pipeline/capabilities.ts';
import { capabilityInputSchema } from '../../engine/contract/capability.ts';
import { benchActor } from './engine-here.ts';

/** Writes that share a commit. */
const BATCH = 1000;

/** Registers a capability whose one action is `work`. */
export async function registerBinding(
	context: Context,
	{ name, binding }: { name: string; binding: object },
): Promise<void> {
	const input = capabilityInputSchema.parse({ binding, actions: { work: {} } });
	await registerCapability(context, benchActor(context), name, input);
}

/**
 * Stores so many schedules as the first would be stored by the API, and its likes: the first is accepted, with all that
 * is checked then, the others are its record with another id and, by `dueAt`, another next instant. That is for what is
 * to be there before the measurement begins; what is measured goes the whole way.
 */
export async function storeSchedules(
	context: Context,
	{
		capability,
		count,
		input,
		nextAt,
		onBatch = () => undefined,
	}: {
		capability: string;
		count: number;
		input: Omit<Partial<Record<keyof ScheduleInput, unknown>>, 'capability' | 'action'>;
		/** Of the schedule with that number; default: that of the first. */
		nextAt?: (index: number) => number;
		onBatch?: (done: number) => void;
	},
): Promise<void> {
	if (count === 0) return;
	const actor = benchActor(context);
	const parsed = scheduleInputSchema.parse({ action: 'work', ...input });
	const accepted = await acceptSchedule(context, actor, capability, parsed);
	if (accepted.kind !== 'done') throw new Error('the first schedule was there already');
	const first = accepted.answer.schedule;
	const spec = (await context.store.getSpecs([first.specId])).get(first.specId);
	if (spec === undefined) throw new Error('the spec of the first schedule is missing');
	for (let done = 1; done < count; done += BATCH) {
		const size = Math.min(BATCH, count - done);
		await Promise.all(
			Array.from({ length: size }, async (_, i) => {
				const id = context.newId('schedule');
				const own = { ...spec, schedule: { id, name: first.name, revision: 1 }, sealedFor: id };
				const specId = createHash('sha256').update(JSON.stringify(own)).digest('hex');
				const at = nextAt === undefined ? first.nextAt : nextAt(done + i);
				await context.store.createSchedule({
					schedule: { ...first, id, specId, nextAt: at, dueAt: at },
					spec: { id: specId, spec: own },
					timerAt: at,
					events: [],
				});
			}),
		);
		onBatch(done + size);
	}
}
