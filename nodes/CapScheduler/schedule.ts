import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { readObject, textOf } from '../shared/parameter-form';
import { path } from '../shared/transport';
import type { Operation, Resource } from './resource';
import { act, change, filtersOf, getMany, given } from './resource';
import { createBody, patchFor, updateBody, whenOf } from './schedule-body';
import { properties } from './schedule-fields';

export const schedulePath = (context: IExecuteFunctions, i: number): string =>
	path`/v1/schedules/${textOf(context, 'schedule', i)}`;

const parameter = (context: IExecuteFunctions, name: string, i: number): string =>
	context.getNodeParameter(name, i, '') as string;

/** Everything that carries a label. */
const many =
	(verb: 'pause' | 'resume'): Operation =>
	(context, i) =>
		act(context, i, {
			method: 'POST',
			path: `/v1/schedules/${verb}`,
			body: given({
				label: textOf(context, 'label', i),
				capability: textOf(context, 'onlyCapability', i),
				...(verb === 'resume' ? { backlog: parameter(context, 'backlog', i) } : {}),
			}),
		});

const operations: Resource['operations'] = {
	create: (context, i) =>
		act(context, i, {
			method: 'POST',
			path: path`/${textOf(context, 'capability', i)}/schedule`,
			body: createBody(context, i),
		}),
	async delete(context, i) {
		await act(context, i, { method: 'DELETE', path: schedulePath(context, i) });
		return { id: textOf(context, 'schedule', i), deleted: true };
	},
	get: (context, i) => act(context, i, { path: schedulePath(context, i) }),
	getAll: (context, i) =>
		getMany(context, i, { path: '/v1/schedules', query: filtersOf(context, i) }),
	pause: (context, i) =>
		act(context, i, { method: 'POST', path: `${schedulePath(context, i)}/pause` }),
	pauseMany: many('pause'),
	async preview(context, i) {
		const { occurrences } = await act(context, i, {
			method: 'POST',
			path: '/v1/timing/preview',
			body: { ...whenOf(context, i), count: context.getNodeParameter('count', i) as number },
		});
		return occurrences as IDataObject[];
	},
	resume: (context, i) =>
		act(context, i, {
			method: 'POST',
			path: `${schedulePath(context, i)}/resume`,
			body: { backlog: parameter(context, 'backlog', i) },
		}),
	resumeMany: many('resume'),
	trigger(context, i) {
		const parameters = readObject(context, 'triggerParameters', i);
		return act(context, i, {
			method: 'POST',
			path: `${schedulePath(context, i)}/trigger`,
			...(Object.keys(parameters).length === 0 ? {} : { body: { parameters } }),
		});
	},
	async update(context, i) {
		const body = updateBody(context, i);
		const at = schedulePath(context, i);
		// only policies are kept one by one; all else the engine keeps by itself
		if (body.policies === undefined || body.policies === null) {
			return act(context, i, { method: 'PATCH', path: at, body });
		}
		return change(context, i, {
			path: at,
			method: 'PATCH',
			make: (current) => patchFor(body, current),
		});
	},
};

export const schedule: Resource = { properties, operations };
