import type { IDisplayOptions, INodeProperties } from 'n8n-workflow';

import { channelField, settingsFields } from '../shared/channel-form';
import { byDisplayName, destinationField } from '../shared/descriptions';
import { packagingOptions } from './packaging';
import { formatFields, inputFields, nameOption, timeZoneOption } from '../shared/upload-fields';

const forTarget = (...to: string[]): IDisplayOptions => ({ show: { to } });

const shown = (field: INodeProperties, ...to: string[]): INodeProperties => ({
	...field,
	displayOptions: {
		...field.displayOptions,
		show: { ...field.displayOptions?.show, to },
	},
});

/** An option of what is sent somewhere: a link is fetched. */
const ofSending = (field: INodeProperties): INodeProperties => ({
	...field,
	displayOptions: { show: { '/to': ['channel', 'destination'] } },
});

const linkOptions: INodeProperties[] = [
	{
		displayName: 'Link Expires In',
		name: 'expiresIn',
		type: 'string',
		default: '24h',
		placeholder: 'e.g. 7d',
		description: 'Between 1s and 7d',
	},
	{
		displayName: 'Link Maximum Downloads',
		name: 'maxUses',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 1,
		description: 'How often it can be downloaded. Without this option: until it expires.',
	},
];

export const properties: INodeProperties[] = [
	...inputFields,
	{
		displayName: 'Deliver To',
		name: 'to',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Channel',
				value: 'channel',
				description: 'A target that is described here, for this node only',
			},
			{
				name: 'Destination',
				value: 'destination',
				description: 'One that is kept in CapScheduler, with its secrets',
			},
			{
				name: 'Result Link',
				value: 'link',
				description: 'Nowhere: makes a link from which it can be downloaded',
			},
		],
		default: 'destination',
	},
	shown(destinationField, 'destination'),
	shown(channelField, 'channel'),
	...settingsFields.map((field) => shown(field, 'channel')),
	// a link is called by the name of what it leads to
	...formatFields.map((field) =>
		field.name.startsWith('fileName') ? shown(field, 'channel', 'destination') : field,
	),
	{
		displayName: 'When',
		name: 'when',
		type: 'options',
		options: [
			{ name: 'Always', value: 'always' },
			{ name: 'Only With Rows', value: 'has_rows', description: 'Not when there are no rows' },
			{ name: 'Only Without Rows', value: 'no_rows', description: 'To tell of what is missing' },
		],
		default: 'always',
		displayOptions: forTarget('channel', 'destination'),
		description: 'Whether it is sent depends on what there is to send',
	},
	{
		displayName: 'Fallback Names or IDs',
		name: 'fallback',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getDestinations' },
		default: [],
		displayOptions: forTarget('channel', 'destination'),
		description:
			'Destinations that take it, one after another, when the first has failed for good. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Wait for Receipts',
		name: 'wait',
		type: 'boolean',
		default: true,
		displayOptions: forTarget('channel', 'destination'),
		description:
			'Whether to go on only when it has arrived. What fails is tried again by CapScheduler for up to three days, with or without this.',
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: byDisplayName([
			{
				displayName: 'Callback URL',
				name: 'callback',
				type: 'string',
				default: '',
				placeholder: 'e.g. https://example.com/done',
				description: 'Told by a signed POST when it has arrived, or never will',
			},
			ofSending({
				displayName: 'Create Result Link Too',
				name: 'link',
				type: 'boolean',
				default: false,
				description:
					'Whether to make a link from which it can be downloaded, besides delivering it',
			}),
			...linkOptions,
			ofSending({
				displayName: 'Maximum Wait (Seconds)',
				name: 'maxWait',
				type: 'number',
				typeOptions: { minValue: 1 },
				default: 60,
				description: 'For receipts. Then the node goes on, and CapScheduler goes on trying.',
			}),
			nameOption,
			...packagingOptions.map(ofSending),
			timeZoneOption,
		]),
	},
];
