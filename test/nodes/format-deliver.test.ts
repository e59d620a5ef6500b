/**
 * Format and Deliver on the real n8n-core, with a real engine: what n8n hands over arrives, as the file that was
 * asked for, under the name that was asked for.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { DataFolder } from '../support/folder.ts';
import { makeDataFolder } from '../support/folder.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { engineAt, loadOptionsContext, nodeType, runNode } from './support/n8n.ts';

type Item = Record<string, any>;

let folder: DataFolder;
let engine: EngineProcess;
let client: ReturnType<typeof createClient>;
let hook: Receiver;
let closed: Receiver;

beforeAll(async () => {
	folder = await makeDataFolder();
	const out = join(folder.path, 'out');
	engine = await startEngineProcess({
		CAPSCHEDULER_DATA_DIR: join(folder.path, 'data'),
		CAPSCHEDULER_FILE_ROOTS: out,
	});
	await mkdir(out, { recursive: true });
	engineAt.url = engine.url;
	engineAt.apiKey = engine.firstKey!;
	client = createClient(engine.url, engineAt.apiKey);
	hook = await startReceiver();
	closed = await startReceiver();
	closed.answer = (_request, response) => response.writeHead(302).end(); // given up at once
	await client('POST', '/v1/destinations', {
		name: 'archive',
		channel: 'file',
		settings: { folder: 'archive' },
	});
	await client('POST', '/v1/destinations', {
		name: 'closed',
		channel: 'webhook',
		settings: { url: closed.url },
	});
});
afterAll(async () => {
	await killEngines();
	await hook.close();
	await closed.close();
	await folder.remove();
});

const ROWS = [{ json: { id: 1, name: 'Zoë; "x"' } }, { json: { id: 2, name: 'B' } }];
const binary = (text: string, fileName: string, mimeType: string) => ({
	json: {},
	binary: { data: { data: Buffer.from(text).toString('base64'), fileName, mimeType } },
});
const BOTH = {
	source: 'items',
	format: 'csv',
	fileName: '',
	optionsMode: 'json',
	formatOptionsJson: '{}',
};

const format = (parameters: object, items: object[] = ROWS, more: object = {}): Promise<Item[]> =>
	runNode({
		node: 'format',
		parameters: { ...BOTH, binaryProperty: 'data', ...parameters },
		items: items as never,
		...more,
	});
const contentOf = (item: Item | undefined, field = 'data'): string =>
	Buffer.from(item?.['binary'][field].data, 'base64').toString();

describe('Format', () => {
	test('makes one file of all items, paired with all of them', async () => {
		const [item, ...none] = await format({ options: { name: 'Sales' }, binaryProperty: 'file' });
		expect(none).toEqual([]);
		expect(contentOf(item, 'file')).toBe('id,name\r\n1,"Zoë; ""x"""\r\n2,B\r\n');
		expect(item).toMatchObject({
			json: { fileName: 'Sales.csv', mimeType: 'text/csv', size: 31 },
			binary: { file: { fileName: 'Sales.csv', mimeType: 'text/csv', fileExtension: 'csv' } },
			pairedItem: [{ item: 0 }, { item: 1 }],
		});
	});

	test('takes options by form and by JSON, and a name with fields in single braces', async () => {
		const fileName = '{name}-{nominalAt:yyyy}.{ext}';
		const byJson = await format({ fileName, formatOptionsJson: '{"delimiter":";"}' });
		const byForm = await format({
			fileName,
			optionsMode: 'fields',
			formatOptions: { mappingMode: 'defineBelow', value: { delimiter: ';', header: null } },
		});
		expect(contentOf(byForm[0])).toBe(contentOf(byJson[0]));
		expect(contentOf(byJson[0])).toContain('id;name');
		expect(byJson[0]?.['json'].fileName).toMatch(/^Month-end report-\d{4}\.csv$/);
	});

	test('makes a file in every format that the engine has', async () => {
		const { items } = await client<{ items: Item[] }>('GET', '/v1/formats');
		expect(items.length).toBeGreaterThan(10);
		const needs: Item = { template: { template: '{{#rows}}{{name}} {{/rows}}', escape: 'none' } };
		for (const { name, contentType } of items.filter((each) => each['name'] !== 'raw')) {
			const formatOptionsJson = JSON.stringify(needs[name] ?? {});
			const [item] = await format({ format: name, formatOptionsJson });
			expect(item?.['json'].mimeType).toBe(contentType.split(';')[0]);
			expect(contentOf(item).length).toBeGreaterThan(5);
		}
	});

	test('converts the file of each item; tables are known by their names where n8n does not', async () => {
		const items = [
			binary('a,b\n1,2\n', 'one.csv', 'text/csv'),
			binary('{"a":1}\n{"a":2}\n', 'two.ndjson', 'application/octet-stream'),
		];
		const made = await format({ source: 'binary', inputBinary: 'data', format: 'json' }, items);
		expect(made.map((item) => JSON.parse(contentOf(item)))).toEqual([
			[{ a: '1', b: '2' }],
			[{ a: 1 }, { a: 2 }],
		]);
		expect(made.map(({ json }) => json.fileName)).toEqual(['one.json', 'two.json']);
		expect(made.map(({ pairedItem }) => pairedItem)).toEqual([{ item: 0 }, { item: 1 }]);
	});

	test('a file that fails says why and how to mend it, and others go on', async () => {
		const items = [binary('PNG', 'a.png', 'image/png'), binary('a\n1\n', 'b.csv', 'text/csv')];
		const parameters = { source: 'binary', inputBinary: 'data' };
		await expect(format(parameters, items)).rejects.toMatchObject({
			message: expect.stringContaining('expected a format for image/png'),
			description: expect.stringContaining('use the format "Raw"'),
		});
		const [bad, good] = await format(parameters, items, { continueOnFail: true });
		expect(bad).toMatchObject({
			json: { error: expect.any(String), details: { code: 'FORMAT_UNSUITABLE' } },
			pairedItem: { item: 0 },
		});
		expect(contentOf(good)).toBe('a\r\n1\r\n');
		const [all] = await format({ format: 'no such' }, ROWS, { continueOnFail: true });
		expect(all).toMatchObject({
			json: { details: { code: 'FORMAT_UNKNOWN' } },
			pairedItem: [{ item: 0 }, { item: 1 }],
		});
		await expect(format({ source: 'binary', inputBinary: 'other' }, items)).rejects.toMatchObject({
			message: expect.stringContaining('other'),
		});
	});

	test('shows the options of the chosen format as a form, and what the file will be called', async () => {
		const { loadOptions, resourceMapping } = nodeType('format').methods as Item;
		// as the editor sends them: the workflow itself is not known here
		const asked = { ...BOTH, fileName: '{name}_{format}.{ext}', workflowName: 'Sales: EU' };
		const context = loadOptionsContext('format', asked);
		const { fields } = await resourceMapping.getFormatOptions.call(context);
		expect(fields).toContainEqual(expect.objectContaining({ id: 'header', type: 'boolean' }));
		expect(await loadOptions.previewFileName.call(context)).toEqual([
			{ name: 'Sales_ EU_csv.csv', value: '', description: 'text/csv; charset=utf-8' },
		]);
		// a template is of no type yet while nothing of it is written
		const template = async (value: Item) => {
			const asked = { ...BOTH, format: 'template', optionsMode: 'fields' };
			const formatOptions = { mappingMode: 'defineBelow', value };
			const context = loadOptionsContext('format', { ...asked, formatOptions });
			return (await loadOptions.previewFileName.call(context))[0].name;
		};
		expect(await template({ template: null, escape: null })).toBe(
			'Complete the Format Options First',
		);
		expect(await template({ template: 'x', escape: 'edifact', extension: 'edi' })).toBe(
			'workflow.edi',
		);
		// never the same day in these two
		const days = ['Pacific/Kiritimati', 'Etc/GMT+12'].map((workflowTimeZone) =>
			loadOptions.previewFileName.call(
				loadOptionsContext('format', {
					...BOTH,
					fileName: '{nominalAt:yyyy-MM-dd}',
					workflowTimeZone,
				}),
			),
		);
		const [late, early] = (await Promise.all(days)) as [Item, Item];
		expect(late[0].name).not.toBe(early[0].name);
		const file = loadOptionsContext('deliver', { source: 'binary', format: '', fileName: '' });
		expect(await loadOptions.previewFileName.call(file)).toEqual([
			{ name: 'The Name of the File Itself', value: '' },
		]);
		const wrong = loadOptionsContext('format', { ...BOTH, fileName: '{nobody}' });
		await expect(loadOptions.previewFileName.call(wrong)).rejects.toMatchObject({
			message: expect.stringContaining('expected one of capability'),
		});
	});
});

const TO = {
	to: 'destination',
	destination: { __rl: true, mode: 'name', value: 'archive' },
	when: 'always',
	fallback: [],
	wait: true,
};
const deliver = (parameters: object, items: object[] = ROWS, more: object = {}): Promise<Item[]> =>
	runNode({
		node: 'deliver',
		parameters: { ...BOTH, ...TO, ...parameters },
		items: items as never,
		...more,
	});

describe('Deliver', () => {
	test('brings all items to a destination as one file, and gives the receipts', async () => {
		const [item, ...none] = await deliver({
			fileName: '{name}.{ext}',
			options: { name: 'Größen' },
		});
		expect(none).toEqual([]);
		expect(item).toMatchObject({
			json: {
				state: 'delivered',
				runId: expect.stringMatching(/^run_/),
				deliveries: [{ state: 'delivered', receipt: { channel: 'file', size: 31 } }],
				link: null,
			},
			pairedItem: [{ item: 0 }, { item: 1 }],
		});
		const file = join(folder.path, 'out', 'archive', 'Größen.csv');
		expect(await readFile(file, 'utf8')).toBe('id,name\r\n1,"Zoë; ""x"""\r\n2,B\r\n');
	});

	test('sends the file of each item through a channel that is set up in the node', async () => {
		const before = hook.received.length;
		const made = await deliver(
			{
				source: 'binary',
				inputBinary: 'data',
				format: '',
				to: 'channel',
				channel: 'webhook',
				settingsMode: 'fields',
				settingsForm: { mappingMode: 'defineBelow', value: { url: hook.url } },
			},
			[binary('one', 'one.pdf', 'application/pdf'), binary('two', 'two.pdf', 'application/pdf')],
			{ executionId: 'channel' },
		);
		expect(made.map(({ json }) => json.state)).toEqual(['delivered', 'delivered']);
		const received = hook.received.slice(before);
		expect(received.map(({ body }) => body.toString())).toEqual(['one', 'two']);
		expect(received[1]?.headers['content-disposition']).toContain('two.pdf');
		// made by the engine for this target, shown this once
		expect(made[0]?.['json'].secrets).toEqual({
			'delivery.targets[0].settings.secret': expect.stringMatching(/^whsec_/),
		});
	});

	test('a table that is a file already stays as it is, byte by byte', async () => {
		const before = hook.received.length;
		const text = 'a;b\r\n1;"x"\r\n';
		await deliver(
			{
				source: 'binary',
				inputBinary: 'data',
				format: '',
				to: 'channel',
				channel: 'webhook',
				settingsMode: 'json',
				settings: JSON.stringify({ url: hook.url }),
			},
			[binary(text, 'sales-2027-01.csv', 'text/csv')],
			{ executionId: 'as it is' },
		);
		const [received] = hook.received.slice(before);
		expect(received?.body.toString()).toBe(text);
		expect(received?.headers['content-disposition']).toContain('sales-2027-01.csv');
	});

	test('a link to a file that stays as it is has its name', async () => {
		const parameters = { source: 'binary', inputBinary: 'data', format: '', to: 'link' };
		const items = [
			binary('a;b\r\n', 'sales-2027-01.csv', 'text/csv'),
			binary('%PDF', 'report.pdf', 'application/pdf'),
			binary('PK', 'odd.name.xyz', 'application/octet-stream'),
		];
		const made = await deliver(parameters, items, { executionId: 'links' });
		const answers = await Promise.all(made.map(({ json }) => fetch(json.link.url as string)));
		expect(answers.map(({ headers }) => headers.get('content-disposition'))).toEqual([
			expect.stringContaining('"sales-2027-01.csv"'),
			expect.stringContaining('"report.pdf"'),
			expect.stringContaining('"odd.name.xyz"'),
		]);
		expect(await answers[0]?.text()).toBe('a;b\r\n');
	});

	test('makes a link, instead or besides', async () => {
		const [only] = await deliver({ to: 'link', options: { maxUses: 1 } });
		const url = only?.['json'].link.url as string;
		expect(await (await fetch(url)).text()).toContain('id,name');
		expect((await fetch(url)).status).toBe(410);
		const [both] = await deliver({ options: { link: true, name: 'besides' } });
		expect(both?.['json']).toMatchObject({
			state: 'delivered',
			link: { link: { format: 'csv' }, url: expect.stringContaining('/r/lnk_') },
		});
	});

	test.each([
		[['gzip'], 'one.csv.gz'],
		[['gzip', 'zip'], 'both.zip'],
		[['zip', 'gzip'], 'turned.zip.gz'],
		[[], 'none.csv'],
		// as a workflow has it that was made when there was one only
		['zip', 'old.zip'],
	])('packs what it delivers: %j as %s', async (packed, file) => {
		const [name] = file.split('.');
		const [item] = await deliver({ options: { name, package: packed } });
		expect(item?.['json'].deliveries[0].receipt.location).toMatch(new RegExp(`/${file}$`));
	});

	test('an archive has the other formats and the password, and the file has its sidecars', async () => {
		const [item] = await deliver({
			options: {
				name: 'secret',
				archivePassword: 'correct horse battery',
				archiveFormats: ['json', 'xlsx'],
				sidecars: ['sha256', 'manifest', 'done'],
			},
		});
		const { receipt } = item!['json'].deliveries[0];
		expect(receipt.contents.map(({ name }: Item) => name)).toEqual([
			'secret.csv',
			'secret.json',
			'secret.xlsx',
		]);
		expect(receipt.files.map(({ name }: Item) => name)).toEqual([
			'secret.zip',
			'secret.zip.sha256',
			'secret.zip.manifest.json',
			'secret.zip.done',
		]);
		const bytes = await readFile(receipt.location);
		// the bit of an entry that is encrypted
		expect(bytes.readUInt16LE(6) & 1).toBe(1);
	});

	test('a key for PGP is never forgotten: what is no key is refused, and nothing goes out plain', async () => {
		await expect(
			deliver({ options: { name: 'plain', pgpRecipients: 'no key' } }),
		).rejects.toMatchObject({ message: expect.stringContaining('an armored OpenPGP public key') });
		const files = await readdir(join(folder.path, 'out', 'archive'));
		expect(files.filter((name) => name.startsWith('plain'))).toEqual([]);
	});

	test('a condition that does not hold sends nothing, and is no error', async () => {
		const [item] = await deliver({ when: 'no_rows' });
		expect(item?.['json']).toMatchObject({
			state: 'delivered',
			deliveries: [{ state: 'skipped' }],
		});
	});

	test('goes the way of its fallback', async () => {
		const [item] = await deliver({
			destination: { ...TO.destination, value: 'closed' },
			fallback: ['archive'],
			options: { name: 'fallen back' },
		});
		expect(item?.['json'].deliveries.map(({ state }: Item) => state)).toEqual([
			'dead',
			'delivered',
		]);
	});

	test('what has failed for good is an error with a way out, or an item, or not waited for', async () => {
		const destination = { ...TO.destination, value: 'closed' };
		await expect(deliver({ destination })).rejects.toMatchObject({
			message: expect.stringMatching(/^Not delivered: /),
			description: expect.stringMatching(/Code TARGET_REDIRECT.*Replay a dead letter.*dlv_/s),
		});
		const [failed] = await deliver({ destination }, ROWS, { continueOnFail: true });
		expect(failed?.['json']).toMatchObject({ details: { code: 'TARGET_REDIRECT' } });
		const [pending] = await deliver({ destination, wait: false }, ROWS, { executionId: 'later' });
		expect(pending?.['json']).toMatchObject({
			state: 'pending',
			deliveries: [{ state: 'pending' }],
		});
	});

	test('a destination that is not there is told with what to do', async () => {
		const destination = { ...TO.destination, value: 'nowhere' };
		await expect(deliver({ destination })).rejects.toMatchObject({
			description: expect.stringContaining('Choose one of the destinations from the list'),
		});
	});

	test('the same item of the same execution is sent once, however often the node tries', async () => {
		const parameters = { options: { name: 'once' } };
		const [first] = await deliver(parameters, ROWS, { executionId: '99' });
		const [again] = await deliver(parameters, ROWS, { executionId: '99' });
		expect(again?.['json'].runId).toBe(first?.['json'].runId);
		const [other] = await deliver(parameters, [ROWS[0]!], { executionId: '99' });
		expect(other?.['json'].runId).not.toBe(first?.['json'].runId);
	});

	test('lists destinations, channels and their settings', async () => {
		const { loadOptions, resourceMapping } = nodeType('deliver').methods as Item;
		const context = loadOptionsContext('deliver', { channel: 'webhook' });
		const { fields } = await resourceMapping.getSettingsFields.call(context);
		expect(fields).toContainEqual(expect.objectContaining({ id: 'url', required: true }));
		expect(await loadOptions.getDestinations.call(context)).toEqual(
			expect.arrayContaining([{ name: 'archive', value: 'archive', description: 'file' }]),
		);
	});
});
