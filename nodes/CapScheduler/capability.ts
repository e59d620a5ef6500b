import { capabilityField } from '../shared/descriptions';
import { textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Resource } from './resource';
import { act, getMany, limitFields, operationField, shownFor } from './resource';

export const capability: Resource = {
	properties: [
		operationField(
			'capability',
			[
				{
					name: 'Get',
					value: 'get',
					action: 'Get a capability',
					description: 'One capability with its actions and the schemas of their parameters',
				},
				{
					name: 'Get Many',
					value: 'getAll',
					action: 'Get many capabilities',
					description: 'What can be scheduled: capabilities with their actions, by name',
				},
			],
			'getAll',
		),
		shownFor(capabilityField, 'capability', ['get']),
		...limitFields('capability', ['getAll']),
	],
	operations: {
		get: (context, i) =>
			act(context, i, { path: path`/v1/capabilities/${textOf(context, 'capability', i)}` }),
		getAll: (context, i) => getMany(context, i, { path: '/v1/capabilities' }),
	},
};
