import { nodeType } from './n8n.ts';

/* The CapSchedule Trigger as the tests ask for it, and what n8n calls of it. */

export const DAILY = {
	rule: { interval: [{ field: 'days', hour: 9 }] },
	respond: 'lastNode',
	options: {},
};
/** Of the workflow's webhook, as the harness has it. */
export const WEBHOOK = 'http://n8n.test/webhook/hook-1/occurrence';

export const {
	checkExists,
	create,
	delete: remove,
} = nodeType('capScheduleTrigger').webhookMethods!.default as unknown as Record<
	'checkExists' | 'create' | 'delete',
	(this: unknown) => Promise<boolean>
>;
