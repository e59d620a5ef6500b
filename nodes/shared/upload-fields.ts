import type { INodeProperties } from 'n8n-workflow';

import { previewField } from './preview-field';

/* How a node is asked what goes to the engine to become a file, and as what. */

export const inputFields: INodeProperties[] = [
	{
		displayName: 'Input',
		name: 'source',
		type: 'options',
		options: [
			{ name: 'All Items', value: 'items', description: 'Each item is a row of one file' },
			{
				name: 'File of Each Item',
				value: 'binary',
				description: 'The binary data of each item: a table to be converted, or any file as it is',
			},
		],
		default: 'items',
		description: 'What the file is made of',
	},
	{
		displayName: 'Input Binary Field',
		name: 'inputBinary',
		type: 'string',
		default: 'data',
		required: true,
		placeholder: 'e.g. data',
		hint: 'The name of the input binary field that holds the file',
		displayOptions: { show: { source: ['binary'] } },
	},
];

/** Lists are loaded without the workflow: neither its name nor its settings are known to them. */
const workflowFields: INodeProperties[] = [
	{
		displayName: 'Name of the Workflow',
		name: 'workflowName',
		type: 'hidden',
		default: '={{ $workflow.name }}',
	},
	{
		displayName: 'Time Zone of the Workflow',
		name: 'workflowTimeZone',
		type: 'hidden',
		default: '={{ $now.zoneName }}',
	},
];

/** The format and its options, as a form made from what the engine knows of it, with JSON beside it. */
export const formatFields: INodeProperties[] = [
	{
		displayName: 'Format Name or ID',
		name: 'format',
		type: 'options',
		typeOptions: { loadOptionsMethod: 'getFormats' },
		default: '',
		description:
			'Empty: JSON for rows, and files as they are. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Specify Format Options',
		name: 'optionsMode',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Using Fields Below',
				value: 'fields',
				description: 'A form made from what the format knows',
			},
			{ name: 'Using JSON', value: 'json', description: 'For options that no form can show' },
		],
		default: 'fields',
		displayOptions: { hide: { format: [''] } },
	},
	{
		displayName: 'Format Options',
		name: 'formatOptions',
		type: 'resourceMapper',
		noDataExpression: true,
		default: { mappingMode: 'defineBelow', value: null },
		description: 'What is not set is as the format has it',
		typeOptions: {
			loadOptionsDependsOn: ['format'],
			resourceMapper: {
				resourceMapperMethod: 'getFormatOptions',
				mode: 'add',
				valuesLabel: 'Format Options',
				fieldWords: { singular: 'option', plural: 'options' },
				addAllFields: false,
				multiKeyMatch: false,
				supportAutoMap: false,
				noFieldsError: 'This format has no options.',
			},
		},
		displayOptions: { show: { optionsMode: ['fields'] }, hide: { format: [''] } },
	},
	{
		displayName: 'Format Options (JSON)',
		name: 'formatOptionsJson',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "delimiter": ";" }',
		displayOptions: { show: { optionsMode: ['json'] }, hide: { format: [''] } },
	},
	{
		displayName: 'File Name',
		name: 'fileName',
		type: 'string',
		default: '',
		placeholder: 'e.g. {name}-{nominalAt:yyyy-MM-dd}.{ext}',
		description:
			'Fields in single braces are filled in by CapScheduler: {name} (the input file or the workflow), {ext}, {format}, {nominalAt:yyyy-MM-dd} (now). Empty: {name}.{ext}.',
	},
	...workflowFields,
	previewField({
		displayName: 'File Name Preview',
		name: 'fileNamePreview',
		method: 'previewFileName',
		dependsOn: [
			'fileName',
			'format',
			'source',
			'options.name',
			'options.timeZone',
			'workflowName',
			'workflowTimeZone',
		],
		description: 'What the file will be called',
	}),
];

export const nameOption: INodeProperties = {
	displayName: 'Name',
	name: 'name',
	type: 'string',
	default: '',
	placeholder: 'e.g. Sales',
	description:
		'The title of a report, and {name} in file names. Empty: the input file or the workflow.',
};

export const timeZoneOption: INodeProperties = {
	displayName: 'Time Zone',
	name: 'timeZone',
	type: 'string',
	default: '',
	placeholder: 'e.g. Europe/Berlin',
	description: 'Of the times in the file and its name. Empty: the zone of the workflow.',
};
