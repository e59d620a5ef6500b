import type { INodeProperties } from 'n8n-workflow';

import { formatField } from '../shared/descriptions';
import { textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Resource } from './resource';
import { act, idField, operationField, shownFor } from './resource';
import { runIdField, runPath } from './run';

const NAME = 'link';

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: [
		{
			displayName: 'Any Format',
			name: 'anyFormat',
			type: 'boolean',
			default: true,
			description: 'Whether <code>?format=</code> in the URL may ask for another format',
		},
		{
			displayName: 'Expires In',
			name: 'expiresIn',
			type: 'string',
			default: '24h',
			placeholder: 'e.g. 24h',
			description: 'At most 7d, unless the operator of the engine allows more',
		},
		{
			displayName: 'Maximum Downloads',
			name: 'maxUses',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 1,
			description: 'After so many the link is spent',
		},
	],
};

export const link: Resource = {
	properties: [
		operationField(
			NAME,
			[
				{
					name: 'Create',
					value: 'create',
					action: 'Create a result link',
					description: 'A URL from which the result of a run can be downloaded without a key',
				},
				{
					name: 'Revoke',
					value: 'revoke',
					action: 'Revoke a result link',
					description: 'It opens nothing any more',
				},
			],
			'create',
		),
		shownFor(runIdField, NAME, ['create']),
		shownFor(formatField, NAME, ['create']),
		shownFor(options, NAME, ['create']),
		shownFor(idField('linkId', 'Link', 'lnk'), NAME, ['revoke']),
	],
	operations: {
		create(context, i) {
			const format = textOf(context, 'format', i);
			return act(context, i, {
				method: 'POST',
				path: `${runPath(context, i)}/links`,
				body: {
					...(context.getNodeParameter('options', i, {}) as object),
					...(format === '' ? {} : { format }),
				},
			});
		},
		async revoke(context, i) {
			const id = textOf(context, 'linkId', i);
			await act(context, i, { method: 'DELETE', path: path`/v1/links/${id}` });
			return { id, revoked: true };
		},
	},
};
