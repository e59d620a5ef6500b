import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { channelField, SETTINGS, settingsFields, settingsJson } from '../shared/channel-form';
import { byDisplayName, destinationField } from '../shared/descriptions';
import { readForm, readObject, textOf } from '../shared/parameter-form';
import { listAll, path } from '../shared/transport';
import type { Resource } from './resource';
import { act, change, getMany, given, limitFields, operationField, shownFor } from './resource';

const NAME = 'destination';

const nameField: INodeProperties = {
	displayName: 'Name',
	name: 'name',
	type: 'string',
	default: '',
	required: true,
	placeholder: 'e.g. warehouse',
	description: 'By which deliveries name it: lower-case letters, digits, dots and dashes',
};

const enabledField: INodeProperties = {
	displayName: 'Enabled',
	name: 'enabled',
	type: 'boolean',
	default: true,
	description: 'Whether it takes deliveries; else they fail, or go to their fallback',
};

/* What it may be used for, how much of it, and what it is told: flat here, nested in the engine. */
const rulesFields: INodeProperties[] = [
	{
		displayName: 'Alerts',
		name: 'alerts',
		type: 'multiOptions',
		options: [
			{ name: 'Circuit Open', value: 'circuit_open', description: 'One is left alone for a while' },
			{ name: 'Delivery Dead', value: 'delivery_dead', description: 'A delivery was given up' },
			{ name: 'Fallback Used', value: 'fallback_used', description: 'A fallback took over' },
			{ name: 'Link Unused', value: 'link_unused', description: 'A link is about to end unused' },
			{ name: 'SLA at Risk', value: 'sla_at_risk', description: 'A run may be late' },
		],
		default: [],
		description:
			'Which alerts it gets, of schedules that name no destination for alerts themselves',
	},
	{
		displayName: 'Allowed Capabilities',
		name: 'allowCapabilities',
		type: 'string',
		default: '',
		placeholder: 'e.g. reports, sales',
		description: 'Names, separated by commas: only their results go there. Empty: all.',
	},
	{
		displayName: 'Allowed File Names',
		name: 'allowFilenames',
		type: 'string',
		default: '',
		placeholder: 'e.g. sales-, stock-',
		description: 'With what names must begin, separated by commas. Empty: anything.',
	},
	{
		displayName: 'Allowed Folders',
		name: 'allowFolders',
		type: 'string',
		default: '',
		placeholder: 'e.g. incoming/sales',
		description:
			'Folders that its settings may name, with those below them, separated by commas. Empty: any.',
	},
	{
		displayName: 'Allowed Format Names or IDs',
		name: 'allowFormats',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getFormats' },
		default: [],
		description:
			'Only files of these formats go there. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Allowed Recipients',
		name: 'allowRecipients',
		type: 'string',
		default: '',
		placeholder: 'e.g. @example.org, ada@example.com',
		description:
			'Addresses, and domains with an @, that mail may go to, separated by commas. Empty: any.',
	},
	{
		displayName: 'Parallel Limit',
		name: 'parallel',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1000 },
		default: 4,
		description: 'Sends at once at most; more wait for their turn. 0: no limit.',
	},
	{
		displayName: 'Rate Limit (per Minute)',
		name: 'perMinute',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 100000 },
		default: 60,
		description: 'Sends in a minute at most; more wait for their turn. 0: no limit.',
	},
];

const createOptions: INodeProperties = {
	displayName: 'Additional Fields',
	name: 'additionalFields',
	type: 'collection',
	placeholder: 'Add Field',
	default: {},
	options: rulesFields,
};

const listed = (value: unknown): string[] =>
	(Array.isArray(value) ? value.map(String) : String(value).split(','))
		.map((one) => one.trim())
		.filter((one) => one !== '');

/** The rules that were set, over those that there are; an empty field takes its rule away. */
function rulesOf(fields: IDataObject, current: IDataObject = {}): IDataObject {
	const allow: IDataObject = { ...(current.allow as IDataObject | null) };
	const limits: IDataObject = { ...(current.limits as IDataObject | null) };
	for (const [field, rule] of [
		['allowCapabilities', 'capabilities'],
		['allowFilenames', 'filenames'],
		['allowFolders', 'folders'],
		['allowFormats', 'formats'],
		['allowRecipients', 'recipients'],
	] as const) {
		if (fields[field] === undefined) continue;
		const names = listed(fields[field]);
		if (names.length === 0) delete allow[rule];
		else allow[rule] = names;
	}
	for (const rule of ['parallel', 'perMinute'] as const) {
		if (fields[rule] === undefined) continue;
		if (fields[rule] === 0) delete limits[rule];
		else limits[rule] = fields[rule];
	}
	const alerts = fields.alerts ?? current.alerts;
	return {
		...(Object.keys(allow).length === 0 ? {} : { allow }),
		...(Object.keys(limits).length === 0 ? {} : { limits }),
		...(Array.isArray(alerts) && alerts.length > 0 ? { alerts } : {}),
	};
}

const updateFields: INodeProperties = {
	displayName: 'Update Fields',
	name: 'updateFields',
	type: 'collection',
	placeholder: 'Add Field',
	default: {},
	description: 'What is added here replaces what was there; all else stays',
	options: byDisplayName([
		{ ...channelField, required: false },
		enabledField,
		{ ...nameField, required: false },
		settingsJson,
		...rulesFields,
	]),
};

/** Of the destination that was chosen by name or id; these routes take ids. */
async function destinationPath(context: IExecuteFunctions, i: number): Promise<string> {
	const chosen = textOf(context, 'destination', i);
	if (/^dst_[0-9a-z]{26}$/.test(chosen)) return path`/v1/destinations/${chosen}`;
	const all = await listAll(context, { path: '/v1/destinations', itemIndex: i });
	const found = all.find(({ name }) => name === chosen);
	if (found !== undefined) return path`/v1/destinations/${found.id as string}`;
	throw new NodeOperationError(context.getNode(), `There is no destination "${chosen}"`, {
		itemIndex: i,
		description: 'Choose one from the list, or create it first.',
	});
}

const createBody = (context: IExecuteFunctions, i: number): IDataObject => ({
	name: textOf(context, 'name', i),
	channel: textOf(context, 'channel', i),
	settings: readForm(context, SETTINGS, i),
	...(context.getNodeParameter('enabled', i, true) === true ? {} : { enabled: false }),
	...rulesOf(context.getNodeParameter('additionalFields', i, {}) as IDataObject),
});

export const destination: Resource = {
	properties: [
		operationField(
			NAME,
			[
				{
					name: 'Create',
					value: 'create',
					action: 'Create a destination',
					description: 'A channel with its settings, by a name that deliveries use',
				},
				{
					name: 'Delete',
					value: 'delete',
					action: 'Delete a destination',
					description: 'Refused while schedules use it',
				},
				{
					name: 'Get',
					value: 'get',
					action: 'Get a destination',
					description: 'One destination with its settings, without secrets',
				},
				{
					name: 'Get Many',
					value: 'getAll',
					action: 'Get many destinations',
					description: 'Where results can be delivered to',
				},
				{
					name: 'Test',
					value: 'test',
					action: 'Test a destination',
					description: 'Send it a small marked file and remove it, step by step',
				},
				{
					name: 'Update',
					value: 'update',
					action: 'Update a destination',
					description: 'Change some of it; the rest stays as it is',
				},
			],
			'getAll',
		),
		shownFor(destinationField, NAME, ['delete', 'get', 'test', 'update']),
		...[nameField, channelField, ...settingsFields, enabledField, createOptions].map((field) =>
			shownFor(field, NAME, ['create']),
		),
		shownFor(updateFields, NAME, ['update']),
		...limitFields(NAME, ['getAll']),
	],
	operations: {
		create: (context, i) =>
			act(context, i, {
				method: 'POST',
				path: '/v1/destinations',
				body: createBody(context, i),
			}),
		async delete(context, i) {
			await act(context, i, { method: 'DELETE', path: await destinationPath(context, i) });
			return { destination: textOf(context, 'destination', i), deleted: true };
		},
		get: async (context, i) => act(context, i, { path: await destinationPath(context, i) }),
		getAll: (context, i) => getMany(context, i, { path: '/v1/destinations' }),
		test: async (context, i) =>
			act(context, i, {
				method: 'POST',
				path: `${await destinationPath(context, i)}/test`,
				body: {},
			}),
		async update(context, i) {
			const fields = context.getNodeParameter('updateFields', i, {}) as IDataObject;
			const { name, channel, enabled } = fields;
			const settings =
				fields.settings === undefined ? {} : readObject(context, 'updateFields.settings', i);
			return change(context, i, {
				path: await destinationPath(context, i),
				make: (current) => ({
					name: current.name,
					channel: current.channel,
					enabled: current.enabled,
					...rulesOf(fields, current),
					...given({ name, channel, enabled }),
					settings: fields.settings === undefined ? current.settings : settings,
				}),
			});
		},
	},
};
