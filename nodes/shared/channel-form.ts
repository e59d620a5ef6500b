import type {
	IDataObject,
	ILoadOptionsFunctions,
	INodeProperties,
	ResourceMapperFields,
} from 'n8n-workflow';

import { text } from './lists';
import type { FormNames } from './parameter-form';
import { fieldsOf } from './parameter-form';
import type { Page } from './transport';
import { call } from './transport';

/* A channel and its settings, as a form made from what the engine knows of it, with JSON beside it. */

export const channelField: INodeProperties = {
	displayName: 'Channel Name or ID',
	name: 'channel',
	type: 'options',
	typeOptions: { loadOptionsMethod: 'getChannels' },
	default: '',
	required: true,
	description:
		'How it is reached. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
};

export const settingsJson: INodeProperties = {
	displayName: 'Settings (JSON)',
	name: 'settings',
	type: 'json',
	default: '{}',
	placeholder: 'e.g. { "url": "https://example.com/incoming" }',
	description:
		"The channel's settings. Secrets can be written, never read; those that are left out are kept.",
};

export const settingsFields: INodeProperties[] = [
	{
		displayName: 'Specify Settings',
		name: 'settingsMode',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Using Fields Below',
				value: 'fields',
				description: 'A form made from what the channel knows',
			},
			{ name: 'Using JSON', value: 'json' },
		],
		default: 'fields',
		description: 'How the settings of the channel are given',
	},
	{
		displayName: 'Settings',
		name: 'settingsForm',
		type: 'resourceMapper',
		noDataExpression: true,
		default: { mappingMode: 'defineBelow', value: null },
		required: true,
		description: 'What the channel needs to know',
		typeOptions: {
			loadOptionsDependsOn: ['channel'],
			resourceMapper: {
				resourceMapperMethod: 'getSettingsFields',
				mode: 'add',
				valuesLabel: 'Settings',
				fieldWords: { singular: 'setting', plural: 'settings' },
				// channels have many settings, of which few are needed
				addAllFields: false,
				multiKeyMatch: false,
				supportAutoMap: false,
				noFieldsError: 'Choose a channel first.',
			},
		},
		displayOptions: { show: { settingsMode: ['fields'] } },
	},
	{ ...settingsJson, displayOptions: { show: { settingsMode: ['json'] } } },
];

/** Where the settings stand. */
export const SETTINGS: FormNames = {
	mode: 'settingsMode',
	json: 'settings',
	fields: 'settingsForm',
};

/** The settings of the chosen channel, for the resource mapper. */
export async function getSettingsFields(
	this: ILoadOptionsFunctions,
): Promise<ResourceMapperFields> {
	const chosen = text(this.getCurrentNodeParameter('channel'));
	if (chosen === '') return { fields: [] };
	const { items } = await call<Page>(this, { path: '/v1/channels' });
	return fieldsOf(items.find(({ name }) => name === chosen)?.settings as IDataObject | undefined);
}
