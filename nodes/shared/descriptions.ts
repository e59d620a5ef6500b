import type { INodeProperties } from 'n8n-workflow';

/* Fields that several nodes have alike. */

/** The order that n8n wants for what a collection may have. */
export const byDisplayName = (fields: INodeProperties[]): INodeProperties[] =>
	fields.sort((a, b) => a.displayName.localeCompare(b.displayName));

export const formatField: INodeProperties = {
	displayName: 'Format Name or ID',
	name: 'format',
	type: 'options',
	typeOptions: { loadOptionsMethod: 'getFormats' },
	default: '',
	description:
		'Empty: as the delivery says; where it says nothing, JSON for rows and bytes as they are. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
};

export const outputFileField: INodeProperties = {
	displayName: 'Put Output File in Field',
	name: 'binaryProperty',
	type: 'string',
	default: 'data',
	required: true,
	placeholder: 'e.g. data',
	hint: 'The name of the output binary field to put the file in',
};

export const capabilityField: INodeProperties = {
	displayName: 'Capability',
	name: 'capability',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description: 'What is asked to do the work',
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select a capability...',
			typeOptions: { searchListMethod: 'searchCapabilities', searchable: true },
		},
		{
			displayName: 'By Name',
			name: 'name',
			type: 'string',
			placeholder: 'e.g. reports',
			validation: [
				{
					type: 'regex',
					properties: {
						regex: '^[a-z0-9][a-z0-9._-]{0,62}$',
						errorMessage: 'A name has 1 to 63 characters a-z 0-9 . _ -',
					},
				},
			],
		},
	],
};

export const actionField: INodeProperties = {
	displayName: 'Action',
	name: 'action',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description: 'Which of its actions',
	typeOptions: { loadOptionsDependsOn: ['capability.value'] },
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select an action...',
			typeOptions: { searchListMethod: 'searchActions', searchable: true },
		},
		{
			displayName: 'By Name',
			name: 'name',
			type: 'string',
			placeholder: 'e.g. daily-sales',
		},
	],
};

/** A form made from the action's JSON Schema, with JSON beside it. */
export const parameterFields: INodeProperties[] = [
	{
		displayName: 'Specify Parameters',
		name: 'parametersMode',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Using Fields Below',
				value: 'fields',
				description: "A form made from the action's schema",
			},
			{ name: 'Using JSON', value: 'json', description: 'For schemas that no form can show' },
		],
		default: 'fields',
		description: 'How the parameters of the action are given',
	},
	{
		displayName: 'Parameters',
		name: 'parameters',
		type: 'resourceMapper',
		noDataExpression: true,
		default: { mappingMode: 'defineBelow', value: null },
		required: true,
		description: 'What the action is asked with',
		typeOptions: {
			loadOptionsDependsOn: ['capability.value', 'action.value'],
			resourceMapper: {
				resourceMapperMethod: 'getParameterFields',
				mode: 'add',
				valuesLabel: 'Parameters',
				fieldWords: { singular: 'parameter', plural: 'parameters' },
				addAllFields: true,
				multiKeyMatch: false,
				supportAutoMap: true,
				noFieldsError:
					'This action has no parameters that a form can show. Use JSON if it takes any.',
			},
		},
		displayOptions: { show: { parametersMode: ['fields'] } },
	},
	{
		displayName: 'Parameters (JSON)',
		name: 'parametersJson',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "region": "EU" }',
		description: "An object, checked against the action's JSON Schema",
		displayOptions: { show: { parametersMode: ['json'] } },
	},
];

export const scheduleField: INodeProperties = {
	displayName: 'Schedule',
	name: 'schedule',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description: 'Which schedule it is about',
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select a schedule...',
			typeOptions: { searchListMethod: 'searchSchedules', searchable: true },
		},
		{
			displayName: 'By ID',
			name: 'id',
			type: 'string',
			placeholder: 'e.g. sch_01kbrj7v2x9m4c8d1e5f6g7h8j',
			validation: [
				{
					type: 'regex',
					properties: {
						regex: '^sch_[0-9a-z]{26}$',
						errorMessage: 'An ID of a schedule is sch_ and 26 letters and digits',
					},
				},
			],
		},
	],
};

export const destinationField: INodeProperties = {
	displayName: 'Destination',
	name: 'destination',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description: 'Where it is sent to',
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select a destination...',
			typeOptions: { searchListMethod: 'searchDestinations', searchable: true },
		},
		{
			displayName: 'By Name or ID',
			name: 'name',
			type: 'string',
			placeholder: 'e.g. warehouse',
		},
	],
};
