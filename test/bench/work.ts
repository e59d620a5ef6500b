import type { Run } from '../../engine/contract/run.ts';
import type { SpecRecord } from '../../engine/contract/schedule.ts';
import { newRun } from '../../engine/core/schedule/occurrences.ts';
import type { Context } from '../../engine/pipeline/context.ts';
import { invokeInputSchema } from '../../engine/pipeline/invoke.ts';
import { compileSpec } from '../../engine/pipeline/spec.ts';
import { registerBinding } from './stored.ts';

/** Registers the only capability of a benchmark, and compiles what its runs are to do. */
export async function registerWork(
	context: Context,
	{
		binding,
		parameters = {},
		invoke = {},
	}: { binding: object; parameters?: Record<string, string>; invoke?: object },
): Promise<SpecRecord> {
	await registerBinding(context, { name: 'bench', binding });
	const { record } = await compileSpec(
		context,
		{
			tenant: 'default',
			capability: 'bench',
			action: 'work',
			parameters,
			schedule: null,
			timeZone: 'UTC',
			sealedFor: context.newId('run'),
		},
		invokeInputSchema.parse(invoke),
	);
	return record;
}

/** Adds so many runs of it, as the API would. */
export async function addRuns(context: Context, record: SpecRecord, count: number): Promise<void> {
	const runs: Run[] = Array.from({ length: count }, () =>
		newRun({
			id: context.newId('run'),
			spec: record.spec,
			specId: record.id,
			scheduleId: null,
			trigger: 'api',
			nominalAt: null,
			windowStart: null,
			now: context.clock.now(),
		}),
	);
	await context.store.addRuns({ runs, specs: [record], settle: [], events: [] });
}
