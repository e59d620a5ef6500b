/** The next occurrences in the panel of the CapSchedule Trigger, in n8n's own context for lists. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { FakeEngine } from './support/fake-engine.ts';
import { engineAt, loadOptionsContext, nodeType } from './support/n8n.ts';

const { previewOccurrences } = nodeType('capScheduleTrigger').methods!.loadOptions!;

let engine: FakeEngine;
beforeEach(async () => {
	engine = await new FakeEngine().start();
	engineAt.url = engine.url;
});
afterEach(() => {
	engine.close();
	expect(engine.open).toEqual([]);
});

const RULE = { interval: [{ field: 'days', hour: 9 }] };
const none = { answer: { occurrences: [], warnings: [] } };

const asked = (timeZone: string) => ({
	body: { timing: { cron: '0 9 * * *', timeZone }, count: 5 },
	...none,
});

test('are five, with what is to be known of each', async () => {
	engine.expect('post', '/v1/timing/preview', {
		answer: {
			occurrences: [
				{
					local: '2027-03-28T03:30:00+02:00[Europe/Berlin]',
					planned: 'run',
					reason: null,
					notes: ['moved out of the gap'],
				},
				{
					local: '2027-03-29T02:30:00+02:00[Europe/Berlin]',
					planned: 'skip',
					reason: 'calendar holidays-de',
					notes: [],
				},
			],
			warnings: [{ message: 'falls into a gap' }],
		},
	});
	expect(
		await previewOccurrences!.call(loadOptionsContext('capScheduleTrigger', { rule: RULE })),
	).toEqual([
		{
			name: 'Sun 2027-03-28 03:30 Europe/Berlin',
			value: '',
			description: 'moved out of the gap; falls into a gap',
		},
		{
			name: 'Mon 2027-03-29 02:30 Europe/Berlin (skipped)',
			value: '2027-03-29T02:30:00+02:00[Europe/Berlin]',
			description: 'calendar holidays-de',
		},
	]);
});

test.each([
	[
		'that the option names',
		{ options: { timeZone: 'Asia/Tokyo' }, workflowTimeZone: 'UTC' },
		'Asia/Tokyo',
	],
	[
		'of the workflow, as the editor tells it',
		{ workflowTimeZone: 'Asia/Kathmandu' },
		'Asia/Kathmandu',
	],
	[
		'of n8n, where the editor tells none',
		{ workflowTimeZone: '={{ $now.zoneName }}' },
		'Europe/Berlin',
	],
])('are in the zone %s', async (_, parameters, zone) => {
	engine.expect('post', '/v1/timing/preview', asked(zone));
	const context = loadOptionsContext('capScheduleTrigger', { rule: RULE, ...parameters });
	expect(await previewOccurrences!.call(context)).toEqual([{ name: 'Never', value: '' }]);
});
