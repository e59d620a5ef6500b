import type {
	IDataObject,
	ILoadOptionsFunctions,
	INodeListSearchItems,
	INodeListSearchResult,
	INodePropertyOptions,
} from 'n8n-workflow';

import type { Page } from './transport';
import { call, listAll, listPage, path } from './transport';

/* What resource locators and option lists show. */

const has = (filter: string | undefined, ...texts: string[]): boolean =>
	filter === undefined ||
	filter === '' ||
	texts.some((text) => text.toLowerCase().includes(filter.toLowerCase()));

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** One page of a list of the engine, filtered by what the user types. */
export async function listed(
	context: ILoadOptionsFunctions,
	where: string,
	{
		show,
		filter,
		cursor,
	}: {
		show(item: IDataObject): INodeListSearchItems;
		filter: string | undefined;
		cursor: string | undefined;
	},
): Promise<INodeListSearchResult> {
	const { items, nextCursor } = await listPage(context, { path: where }, { cursor });
	const results = items
		.map(show)
		.filter(({ name, value, description }) => has(filter, name, String(value), description ?? ''));
	return nextCursor === null ? { results } : { results, paginationToken: nextCursor };
}

export async function searchCapabilities(
	this: ILoadOptionsFunctions,
	filter?: string,
	cursor?: string,
): Promise<INodeListSearchResult> {
	return listed(this, '/v1/capabilities', {
		filter,
		cursor,
		show: ({ name, title, description }) => ({
			name: text(title) === '' ? text(name) : `${text(title)} (${text(name)})`,
			value: text(name),
			...(text(description) === '' ? {} : { description: text(description) }),
		}),
	});
}

export interface ActionManifest extends IDataObject {
	title?: string;
	description?: string;
	parameters?: IDataObject;
}

/** The name that a resource locator holds, whatever its mode. */
export function chosen(context: ILoadOptionsFunctions, parameter: string): string {
	const value = context.getCurrentNodeParameter(parameter, { extractValue: true });
	return typeof value === 'string' ? value : '';
}

export async function actionsOf(
	context: ILoadOptionsFunctions,
	capability: string,
): Promise<Record<string, ActionManifest>> {
	const { actions } = await call<{ actions: Record<string, ActionManifest> }>(context, {
		path: path`/v1/capabilities/${capability}`,
	});
	return actions;
}

export async function searchActions(
	this: ILoadOptionsFunctions,
	filter?: string,
): Promise<INodeListSearchResult> {
	const capability = chosen(this, 'capability');
	if (capability === '') return { results: [] };
	const actions = await actionsOf(this, capability);
	const results = Object.entries(actions)
		.map(([name, { title, description }]) => ({
			name: title === undefined ? name : `${title} (${name})`,
			value: name,
			...(description === undefined ? {} : { description }),
		}))
		.filter(({ name, description }) => has(filter, name, description ?? ''));
	return { results };
}

export async function searchSchedules(
	this: ILoadOptionsFunctions,
	filter?: string,
	cursor?: string,
): Promise<INodeListSearchResult> {
	return listed(this, '/v1/schedules', {
		filter,
		cursor,
		show: ({ id, name, capability, action, status }) => ({
			name: `${text(name) === '' ? `${text(capability)} ${text(action)}` : text(name)} (${text(status)})`,
			value: text(id),
			description: `${text(capability)} ${text(action)}`,
		}),
	});
}

export async function searchDestinations(
	this: ILoadOptionsFunctions,
	filter?: string,
	cursor?: string,
): Promise<INodeListSearchResult> {
	return listed(this, '/v1/destinations', {
		filter,
		cursor,
		show: ({ name, channel }) => ({
			name: `${text(name)} (${text(channel)})`,
			value: text(name),
		}),
	});
}

const options = (items: IDataObject[]): INodePropertyOptions[] =>
	items
		.map(({ name, title, description, contentType }) => ({
			name: text(title) === '' ? text(name) : text(title),
			value: text(name),
			...(text(description) + text(contentType) === ''
				? {}
				: { description: text(description) || text(contentType) }),
		}))
		.sort((a, b) => a.name.localeCompare(b.name));

/** With one that stands for none: the editor marks what is not in the list as wrong. */
export async function getFormats(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const { items } = await call<Page>(this, { path: '/v1/formats' });
	const none = { name: 'Automatic', value: '', description: 'JSON for rows, files as they are' };
	return [none, ...options(items)];
}

export async function getChannels(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	return options((await call<Page>(this, { path: '/v1/channels' })).items);
}

export async function getCalendars(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	return options(await listAll(this, { path: '/v1/calendars' }));
}

export async function getDestinations(
	this: ILoadOptionsFunctions,
): Promise<INodePropertyOptions[]> {
	const all = await listAll(this, { path: '/v1/destinations' });
	return all.map(({ name, channel }) => ({
		name: text(name),
		value: text(name),
		description: text(channel),
	}));
}
