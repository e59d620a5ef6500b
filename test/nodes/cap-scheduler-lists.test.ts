/** What the lists and forms of the CapScheduler node show, in n8n's own context for them. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { page } from './support/cap-scheduler/case.ts';
import { FakeEngine } from './support/fake-engine.ts';
import { engineAt, loadOptionsContext, nodeType } from './support/n8n.ts';

const { listSearch, loadOptions, resourceMapping } = nodeType('capScheduler').methods!;

let engine: FakeEngine;
beforeEach(async () => {
	engine = await new FakeEngine().start();
	engineAt.url = engine.url;
});
afterEach(() => {
	engine.close();
	expect(engine.open).toEqual([]);
});

const context = (parameters: Record<string, string> = {}) =>
	loadOptionsContext('capScheduler', parameters);

describe('calendars', () => {
	const answer = {
		items: [
			{ name: 'holidays-by', title: 'Bavaria', dayCount: 130 },
			{ name: 'closed', title: null, dayCount: 2 },
		],
		nextCursor: 'c2',
	};

	test('are found by title and name, page by page', async () => {
		engine.expect('get', '/v1/calendars?limit=100', { answer });
		expect(await listSearch!['searchCalendars']!.call(context(), 'bavar')).toEqual({
			results: [{ name: 'Bavaria (holidays-by)', value: 'holidays-by', description: '130 days' }],
			paginationToken: 'c2',
		});
		engine.expect('get', '/v1/calendars?limit=100&cursor=c2', { answer: page() });
		expect(await listSearch!['searchCalendars']!.call(context(), '', 'c2')).toEqual({
			results: [],
		});
	});
});

describe('public holidays', () => {
	test('are of countries by name', async () => {
		const countries = [
			{ code: 'FR', name: 'France' },
			{ code: 'AT', name: 'Austria' },
		];
		engine.expect('get', '/v1/holidays', { answer: { countries } });
		expect(await loadOptions!['getCountries']!.call(context())).toEqual([
			{ name: 'Austria', value: 'AT', description: 'AT' },
			{ name: 'France', value: 'FR', description: 'FR' },
		]);
	});

	test('and of the regions of the country that was chosen', async () => {
		const countries = [{ code: 'DE', name: 'Germany', regions: [{ code: 'BY', name: 'Bavaria' }] }];
		engine.expect('get', '/v1/holidays?country=DE', { answer: { countries } });
		expect(await loadOptions!['getRegions']!.call(context({ country: 'DE' }))).toEqual([
			{ name: 'Whole Country', value: '' },
			{ name: 'Bavaria', value: 'BY', description: 'BY' },
		]);
	});

	test('no country has no regions, and nobody is asked', async () => {
		const options = await loadOptions!['getRegions']!.call(context({ country: '' }));
		expect(options).toEqual([{ name: 'Whole Country', value: '' }]);
	});
});

describe('the settings of a destination', () => {
	const settings = {
		type: 'object',
		required: ['url'],
		properties: { url: { type: 'string' }, headers: { type: 'object' } },
	};

	test('are a form made of what the channel knows', async () => {
		engine.expect('get', '/v1/channels', { answer: page({ name: 'webhook', settings }) });
		const form = await resourceMapping!['getSettingsFields']!.call(context({ channel: 'webhook' }));
		expect(form.fields).toMatchObject([
			{ id: 'url', type: 'string', required: true },
			{ id: 'headers', type: 'object', required: false },
		]);
	});

	test('are none before a channel is chosen', async () => {
		const form = await resourceMapping!['getSettingsFields']!.call(context({ channel: '' }));
		expect(form.fields).toEqual([]);
	});
});
