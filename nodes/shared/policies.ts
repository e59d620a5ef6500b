import type { IDataObject, INodeProperties } from 'n8n-workflow';

/** What happens when things overlap, are late or fail: fields of an options collection. */
export const policyOptions: INodeProperties[] = [
	{
		displayName: 'Attempts',
		name: 'attempts',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 50 },
		default: 3,
		description: 'How often a run is tried in all; 1 means no retry',
	},
	{
		displayName: 'Catch Up',
		name: 'catchUp',
		type: 'options',
		options: [
			{ name: 'All', value: 'all', description: 'Everything that was missed is run' },
			{ name: 'Latest', value: 'latest', description: 'Only the last of it is run' },
			{ name: 'None', value: 'none', description: 'Nothing of it is run' },
		],
		default: 'latest',
		description: 'What becomes of occurrences that fell due while the engine was down',
	},
	{
		displayName: 'Catch Up Window',
		name: 'catchUpWindow',
		type: 'string',
		default: '24h',
		placeholder: 'e.g. 7d',
		description: 'What was missed longer ago than so long is not caught up',
		displayOptions: { hide: { catchUp: ['none'] } },
	},
	{
		displayName: 'Concurrency Key',
		name: 'concurrencyKey',
		type: 'string',
		default: '',
		placeholder: 'e.g. crm-api',
		description: 'Runs with the same key, of whatever schedule, go one at a time',
	},
	{
		displayName: 'Deliver Within',
		name: 'deliverWithin',
		type: 'string',
		default: '',
		placeholder: 'e.g. 15m',
		description:
			'The service level: by then, counted from when it is due, the run is to be over and its result delivered. What is late is told.',
	},
	{
		displayName: 'Heartbeat',
		name: 'heartbeat',
		type: 'string',
		default: '',
		placeholder: 'e.g. 30s',
		description:
			'An attempt that gives no sign of life for so long is given up. Send them with the RuntimeSession node.',
	},
	{
		displayName: 'Overlap',
		name: 'overlap',
		type: 'options',
		options: [
			{ name: 'Allow', value: 'allow_all', description: 'Both run beside each other' },
			{
				name: 'Cancel the Other',
				value: 'cancel_other',
				description: 'The earlier run is cancelled',
			},
			{ name: 'Queue All', value: 'buffer_all', description: 'It waits its turn' },
			{ name: 'Queue One', value: 'buffer_one', description: 'At most one waits' },
			{ name: 'Skip', value: 'skip', description: 'It is left out, with a note in the ledger' },
		],
		default: 'skip',
		description: 'What an occurrence becomes while the run before it is not over',
	},
	{
		displayName: 'Pause After Failures',
		name: 'pauseOnFailure',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 1000 },
		default: 3,
		description: 'Pauses the schedule after so many failed runs in a row',
	},
	{
		displayName: 'Priority',
		name: 'priority',
		type: 'number',
		typeOptions: { minValue: -100, maxValue: 100 },
		default: 0,
		description: 'Of the runs that are ready, those with the highest number go first',
	},
	{
		displayName: 'Retry Delay',
		name: 'retryDelay',
		type: 'string',
		default: '10s',
		placeholder: 'e.g. 30s',
		description: 'The wait before the second attempt; it doubles with each further one',
	},
	{
		displayName: 'Timeout',
		name: 'timeout',
		type: 'string',
		default: '5m',
		placeholder: 'e.g. 30m',
		description: 'How long one attempt may take',
	},
];

export interface PolicyFields {
	attempts?: number;
	catchUp?: string;
	catchUpWindow?: string;
	concurrencyKey?: string;
	deliverWithin?: string;
	heartbeat?: string;
	overlap?: string;
	pauseOnFailure?: number;
	priority?: number;
	retryDelay?: string;
	timeout?: string;
}

/** What was added and filled in; the rest is as the engine has it by default. */
export function buildPolicies(fields: PolicyFields): IDataObject {
	const { catchUp, catchUpWindow, deliverWithin } = fields;
	const { concurrencyKey, heartbeat, overlap, pauseOnFailure, priority, timeout } = fields;
	return given({
		catchUp: given({ mode: catchUp, window: catchUp === 'none' ? undefined : catchUpWindow }),
		concurrencyKey,
		heartbeat,
		overlap,
		pauseOnFailure,
		priority,
		retry: given({ attempts: fields.attempts, delay: fields.retryDelay }),
		sla: given({ deliveredWithin: deliverWithin }),
		timeout,
	});
}

/** Without what is undefined or empty. */
function given(fields: Record<string, IDataObject | string | number | undefined>): IDataObject {
	const isEmpty = (value: unknown): boolean =>
		value === undefined ||
		value === '' ||
		(typeof value === 'object' && value !== null && Object.keys(value).length === 0);
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}
