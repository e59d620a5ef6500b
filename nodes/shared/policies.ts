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
	overlap?: string;
	pauseOnFailure?: number;
	retryDelay?: string;
	timeout?: string;
}

export function buildPolicies(fields: PolicyFields): IDataObject {
	const { attempts, catchUp, overlap, pauseOnFailure, retryDelay, timeout } = fields;
	const retry = {
		...(attempts === undefined ? {} : { attempts }),
		...(retryDelay === undefined || retryDelay === '' ? {} : { delay: retryDelay }),
	};
	return {
		...(catchUp === undefined ? {} : { catchUp: { mode: catchUp } }),
		...(overlap === undefined ? {} : { overlap }),
		...(pauseOnFailure === undefined ? {} : { pauseOnFailure }),
		...(Object.keys(retry).length === 0 ? {} : { retry }),
		...(timeout === undefined || timeout === '' ? {} : { timeout }),
	};
}
