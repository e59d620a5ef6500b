import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import { Editor } from './support/editor.ts';
import { until } from './support/until.ts';
import { World } from './support/world.ts';

/* n8n's editor in a real Chromium: what a user sees, and whether it can be clicked together. */

jest.setTimeout(600_000);

const server = new CapabilityServer();
const root = mkdtempSync(join(tmpdir(), 'capscheduler-editor-'));
let world: World;
let editor: Editor;

beforeAll(async () => {
	await server.start();
	server.json('/reports', {
		rows: [
			{ region: 'EU', product: 'Chair', sales: 42 },
			{ region: 'EU', product: 'Table', sales: 7 },
		],
	});
	world = await World.open({
		engineSettings: { CAPSCHEDULER_FILE_ROOTS: root },
		n8nSettings: { GENERIC_TIMEZONE: 'Europe/Berlin' },
	});
	await world.engine('POST', '/v1/destinations', {
		name: 'reports-folder',
		channel: 'file',
		settings: { folder: root },
	});
	await world.engine('PUT', '/v1/capabilities/reports', {
		title: 'Reports',
		description: 'Figures from the warehouse',
		actions: {
			'monthly-sales': {
				title: 'Monthly sales',
				parameters: {
					type: 'object',
					required: ['region'],
					properties: {
						region: { title: 'Region', enum: ['EU', 'US'] },
						minimum: { title: 'Minimum', type: 'integer', default: 0 },
					},
				},
			},
		},
		binding: { type: 'http', url: server.url('/reports') },
	});
	editor = await Editor.open(world);
});
afterAll(async () => {
	await editor?.close();
	await world?.close();
	await server.close();
	rmSync(root, { recursive: true });
});

/** On a failure the page is worth more than the message. */
async function shown<T>(act: () => Promise<T>): Promise<T> {
	try {
		return await act();
	} catch (error) {
		await editor.picture('failed');
		throw error;
	}
}

// Seen twice beside other suites on two cores, never alone: a list that n8n's editor loads does not come. What it showed
// instead is told, and all is clicked once more, in a new workflow.
jest.retryTimes(1, { logErrorsBeforeRetry: true });

test('a pipeline is built by clicking, run, and published', () =>
	shown(async () => {
		await editor.newWorkflow();

		await editor.addNode('CapSchedule Trigger');
		// the preview follows the rules, on the clock of the workflow; the editor asks for one at a time
		await editor.choose('field', 'Months');
		await editor.shows('preview', /-01 00:00 Europe\/Berlin/);
		await editor.choose('dayOfMonth', 'Last Day');
		await editor.shows('preview', /-(28|29|30|31) 00:00 Europe\/Berlin/);
		await editor.write('hour', '9');
		await editor.shows('preview', /-(28|29|30|31) 09:00 Europe\/Berlin/);
		await editor.picture('trigger');
		await editor.closeNode();

		await editor.addNode('RuntimeSession', 'Invoke an action');
		await editor.pick('capability', 'Reports');
		await editor.pick('action', 'Monthly sales');
		await editor.choose('region', 'EU');
		await editor.picture('runtime-session');
		await editor.closeNode();

		await editor.addNode('Format');
		await editor.shows('fileNamePreview', /My workflow.*\.json/);
		await editor.choose('format', 'CSV');
		await editor.shows('fileNamePreview', /\.csv/);
		await editor.write('fileName', 'sales-{nominalAt:yyyy-MM}.{ext}');
		await editor.shows('fileNamePreview', /sales-\d{4}-\d\d\.csv/);
		await editor.picture('format');
		await editor.closeNode();

		await editor.addNode('Deliver');
		// nothing has run yet: what the Format node will give is known by its schema
		await editor.showsInput('mimeType');
		await editor.shows('fileNamePreview', /\.json/);
		await editor.choose('source', 'File of Each Item');
		await editor.pick('destination', 'reports-folder');
		await editor.picture('deliver');
		await editor.closeNode();

		await editor.execute();
		await editor.openNode('RuntimeSession');
		await editor.showsOutput('Chair');
		await editor.picture('runtime-session-output');
		await editor.closeNode();
		await editor.openNode('Deliver');
		await editor.showsOutput('delivered');
		await editor.shows('fileNamePreview', /The Name of the File Itself/);
		await editor.shows('format', /Automatic/);
		await editor.picture('deliver-output');
		await editor.closeNode();
		const [file] = readdirSync(root);
		expect(file).toMatch(/^sales-\d{4}-\d\d\.csv$/);
		expect(readFileSync(join(root, file!), 'utf8')).toContain('Chair');
		expect(JSON.parse(server.received[0]!.body)).toMatchObject({
			action: 'monthly-sales',
			parameters: { region: 'EU', minimum: 0 },
		});

		await editor.publish();
		const schedule = await until('the schedule in the engine', async () => {
			const schedules = await world.all<{ timing: object; labels: Record<string, string> }>(
				'/v1/schedules?status=active',
			);
			return schedules.find(({ labels }) => labels['source'] === 'n8n');
		});
		expect(schedule.timing).toMatchObject({ cron: '0 9 L * *', timeZone: 'Europe/Berlin' });
		await editor.closeDialogs();
		await editor.byId('zoom-to-fit').click();
		await editor.picture('pipeline');
	}));
