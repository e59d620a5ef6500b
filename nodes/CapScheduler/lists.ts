import type {
	ILoadOptionsFunctions,
	INodeListSearchResult,
	INodePropertyOptions,
} from 'n8n-workflow';

import { listed, text } from '../shared/lists';
import { call } from '../shared/transport';

/* Lists that only this node shows. */

export async function searchCalendars(
	this: ILoadOptionsFunctions,
	filter?: string,
	cursor?: string,
): Promise<INodeListSearchResult> {
	return listed(this, '/v1/calendars', {
		filter,
		cursor,
		show: ({ name, title, dayCount }) => ({
			name: text(title) === '' ? text(name) : `${text(title)} (${text(name)})`,
			value: text(name),
			description: `${dayCount as number} days`,
		}),
	});
}

interface Country {
	code: string;
	name: string;
	regions?: { code: string; name: string }[];
}

const asOptions = (all: { code: string; name: string }[]): INodePropertyOptions[] =>
	all
		.map(({ code, name }) => ({ name, value: code, description: code }))
		.sort((a, b) => a.name.localeCompare(b.name));

/** Whose public holidays the engine knows. */
export async function getCountries(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const { countries } = await call<{ countries: Country[] }>(this, { path: '/v1/holidays' });
	return asOptions(countries);
}

export async function getRegions(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const country = text(this.getCurrentNodeParameter('country'));
	const whole = { name: 'Whole Country', value: '' };
	if (country === '') return [whole];
	const { countries } = await call<{ countries: Country[] }>(this, {
		path: '/v1/holidays',
		query: { country },
	});
	return [whole, ...asOptions(countries[0]?.regions ?? [])];
}
