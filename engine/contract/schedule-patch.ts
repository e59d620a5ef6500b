import { z } from 'zod';

import { deliveryInputSchema } from './delivery.ts';
import { plannedFields } from './planned.ts';
import { policiesSchema } from './policies.ts';
import { scheduleInputSchema } from './schedule.ts';
import { whenFields } from './timing-requests.ts';
import { listed } from './zod-words.ts';

const { capability, action, name, labels, metadata, parameters, callback, notify } =
	scheduleInputSchema.shape;

/** Sent, or null for the default, or not sent to leave it as it is. */
const orDefault = <S extends z.ZodType>(schema: S, words: string) =>
	schema.nullable().optional().describe(words);

/**
 * `PATCH /v1/schedules/{id}`: a field that is sent replaces all of what was there, null takes it back to its
 * default, and what is not sent stays as it is.
 */
export const schedulePatchSchema = z
	.strictObject({
		capability,
		action: action.optional(),
		parameters: orDefault(parameters.unwrap(), "Checked against the action's JSON Schema."),
		...whenFields,
		policies: orDefault(policiesSchema, 'What happens when things overlap, are late or fail.'),
		delivery: orDefault(deliveryInputSchema, 'Where results go, and as what.'),
		callback: orDefault(callback.unwrap(), 'Short form of one entry in `notify`: a URL.'),
		notify: orDefault(notify.unwrap(), 'Who is told how runs end, by a signed POST.'),
		name: orDefault(name.unwrap(), 'For people.'),
		labels: orDefault(labels.unwrap(), 'For finding it again.'),
		metadata: orDefault(metadata.unwrap(), 'Kept and shown as it is.'),
	})
	.superRefine((input, context) => {
		const sent = (['timing', 'time', 'frequency'] as const).filter((x) => input[x] !== undefined);
		if (sent.length <= 1) return;
		context.addIssue({
			code: 'custom',
			path: ['timing'],
			message: 'at most one of "timing", "time" and "frequency"',
			params: { received: listed(sent) },
		});
	})
	.meta({ id: 'SchedulePatch' })
	.register(plannedFields, { planned: { alert: 'it in "delivery"' } });

export type SchedulePatch = z.output<typeof schedulePatchSchema>;
