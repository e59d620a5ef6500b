import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { channelField, SETTINGS, settingsFields, settingsJson } from '../shared/channel-form';
import { destinationField } from '../shared/descriptions';
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

const updateFields: INodeProperties = {
	displayName: 'Update Fields',
	name: 'updateFields',
	type: 'collection',
	placeholder: 'Add Field',
	default: {},
	description: 'What is added here replaces what was there; all else stays',
	options: [
		{ ...channelField, required: false },
		enabledField,
		{ ...nameField, required: false },
		settingsJson,
	],
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
		...[nameField, channelField, ...settingsFields, enabledField].map((field) =>
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
					...given({ allow: current.allow, limits: current.limits, alerts: current.alerts }),
					...given({ name, channel, enabled }),
					settings: fields.settings === undefined ? current.settings : settings,
				}),
			});
		},
	},
};
