import { createHash } from 'node:crypto';
import type {
	IDataObject,
	IExecuteFunctions,
	ILoadOptionsFunctions,
	INodeProperties,
	INodePropertyOptions,
	IPairedItemData,
	ResourceMapperFields,
} from 'n8n-workflow';

import { outgoingFile } from './files';
import { rowsAsNdjson } from './items';
import { text } from './lists';
import type { FormNames } from './parameter-form';
import { fieldsOf, readForm } from './parameter-form';
import type { ByteStream, Page } from './transport';
import { call } from './transport';

/* What goes to the engine to become a file, and how: the same for formatting and for delivering. */

export interface Upload {
	body: ByteStream | Buffer;
	contentType: string;
	/** What it is called, without folders. */
	name: string;
	/** The items that it is made of. */
	pairedItem: IPairedItemData | IPairedItemData[];
	/** Of the first of them. */
	itemIndex: number;
	/** Tells it apart from others of the same item, for idempotency. */
	identity: string;
	/** The exact name of a file that is to stay as it is; the engine would make one of its type. */
	filename?: string;
}

export const inputFields: INodeProperties[] = [
	{
		displayName: 'Input',
		name: 'source',
		type: 'options',
		options: [
			{ name: 'All Items', value: 'items', description: 'Each item is a row of one file' },
			{
				name: 'File of Each Item',
				value: 'binary',
				description: 'The binary data of each item: a table to be converted, or any file as it is',
			},
		],
		default: 'items',
		description: 'What the file is made of',
	},
	{
		displayName: 'Input Binary Field',
		name: 'inputBinary',
		type: 'string',
		default: 'data',
		required: true,
		placeholder: 'e.g. data',
		hint: 'The name of the input binary field that holds the file',
		displayOptions: { show: { source: ['binary'] } },
	},
];

/** The format and its options, as a form made from what the engine knows of it, with JSON beside it. */
export const formatFields: INodeProperties[] = [
	{
		displayName: 'Format Name or ID',
		name: 'format',
		type: 'options',
		typeOptions: { loadOptionsMethod: 'getFormats' },
		default: '',
		description:
			'Empty: JSON for rows, and files as they are. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Specify Format Options',
		name: 'optionsMode',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Using Fields Below',
				value: 'fields',
				description: 'A form made from what the format knows',
			},
			{ name: 'Using JSON', value: 'json', description: 'For options that no form can show' },
		],
		default: 'fields',
		displayOptions: { hide: { format: [''] } },
	},
	{
		displayName: 'Format Options',
		name: 'formatOptions',
		type: 'resourceMapper',
		noDataExpression: true,
		default: { mappingMode: 'defineBelow', value: null },
		description: 'What is not set is as the format has it',
		typeOptions: {
			loadOptionsDependsOn: ['format'],
			resourceMapper: {
				resourceMapperMethod: 'getFormatOptions',
				mode: 'add',
				valuesLabel: 'Format Options',
				fieldWords: { singular: 'option', plural: 'options' },
				addAllFields: false,
				multiKeyMatch: false,
				supportAutoMap: false,
				noFieldsError: 'This format has no options.',
			},
		},
		displayOptions: { show: { optionsMode: ['fields'] }, hide: { format: [''] } },
	},
	{
		displayName: 'Format Options (JSON)',
		name: 'formatOptionsJson',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "delimiter": ";" }',
		displayOptions: { show: { optionsMode: ['json'] }, hide: { format: [''] } },
	},
	{
		displayName: 'File Name',
		name: 'fileName',
		type: 'string',
		default: '',
		placeholder: 'e.g. {name}-{nominalAt:yyyy-MM-dd}.{ext}',
		description:
			'Fields in single braces are filled in by CapScheduler: {name} (the input file or the workflow), {ext}, {format}, {nominalAt:yyyy-MM-dd} (now). Empty: {name}.{ext}.',
	},
	{
		displayName: 'File Name Preview Name or ID',
		name: 'fileNamePreview',
		type: 'options',
		noDataExpression: true,
		typeOptions: {
			loadOptionsMethod: 'previewFileName',
			// each a text of its own: the editor compares texts, and all objects have the same
			loadOptionsDependsOn: ['fileName', 'format', 'source', 'options.name', 'options.timeZone'],
		},
		default: '',
		description:
			'What the file will be called, computed by CapScheduler. Only a preview: what is selected changes nothing. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
];

export const nameOption: INodeProperties = {
	displayName: 'Name',
	name: 'name',
	type: 'string',
	default: '',
	placeholder: 'e.g. Sales',
	description:
		'The title of a report, and {name} in file names. Empty: the input file or the workflow.',
};

export const timeZoneOption: INodeProperties = {
	displayName: 'Time Zone',
	name: 'timeZone',
	type: 'string',
	default: '',
	placeholder: 'e.g. Europe/Berlin',
	description: 'Of the times in the file and its name. Empty: the zone of the workflow.',
};

const FORMAT_OPTIONS: FormNames = {
	mode: 'optionsMode',
	fields: 'formatOptions',
	json: 'formatOptionsJson',
};

/** The options of the chosen format, for the resource mapper. */
export async function getFormatOptions(this: ILoadOptionsFunctions): Promise<ResourceMapperFields> {
	const chosen = text(this.getCurrentNodeParameter('format'));
	if (chosen === '') return { fields: [] };
	const { items } = await call<Page>(this, { path: '/v1/formats' });
	const format = items.find(({ name }) => name === chosen);
	return fieldsOf(format?.options as IDataObject | undefined);
}

/** What is wanted of the engine. */
export interface Rendering extends IDataObject {
	format?: string;
	options?: IDataObject;
	filename?: string;
}

export function renderingOf(context: IExecuteFunctions, itemIndex: number): Rendering {
	const format = context.getNodeParameter('format', itemIndex) as string;
	const filename = templateOf(context.getNodeParameter('fileName', itemIndex) as string);
	const options = format === '' ? {} : readForm(context, FORMAT_OPTIONS, itemIndex);
	return {
		...(format === '' ? {} : { format }),
		...(Object.keys(options).length === 0 ? {} : { options }),
		...(filename === '' ? {} : { filename }),
	};
}

/** n8n takes double braces for its expressions, so single ones stand for the engine's. */
export const templateOf = (fileName: string): string =>
	fileName.includes('{{') ? fileName : fileName.replaceAll('{', '{{').replaceAll('}', '}}').trim();

/** What the file would be called, as the one entry of a list: the panel knows no better place for what is computed. */
export async function previewFileName(
	this: ILoadOptionsFunctions,
): Promise<INodePropertyOptions[]> {
	const { fileName, format, source, options = {} } = this.getCurrentNodeParameters() ?? {};
	const { name, timeZone } = options as { name?: string; timeZone?: string };
	const filename = templateOf(text(fileName));
	const isFile = source === 'binary';
	if (isFile && text(format) === '' && filename === '') {
		return [{ name: 'The Name of the File Itself', value: '' }];
	}
	const { filename: made, contentType } = await call<{ filename: string; contentType: string }>(
		this,
		{
			method: 'POST',
			path: '/v1/format/preview',
			body: {
				...(text(format) === '' ? {} : { format: text(format) }),
				...(filename === '' ? {} : { filename }),
				name: text(name) || (isFile ? 'input' : (this.getWorkflow().name ?? 'workflow')),
				timeZone: text(timeZone) || this.getTimezone(),
				// without a format a file is passed on, and nobody knows here what it is
				...(isFile && text(format) === '' ? { contentType: 'application/octet-stream' } : {}),
			},
		},
	);
	return [{ name: made, value: '', description: contentType }];
}

export interface UploadOptions {
	name?: string;
	timeZone?: string;
}

export const optionsOf = (context: IExecuteFunctions, itemIndex: number): UploadOptions =>
	context.getNodeParameter('options', itemIndex, {}) as UploadOptions;

/** All items as one upload, or the file of one item; asked for one after another, since files are opened. */
export function uploadsOf(
	context: IExecuteFunctions,
): { itemIndex: number; open: () => Promise<Upload> }[] {
	const items = context.getInputData();
	if (items.length === 0) return [];
	if (context.getNodeParameter('source', 0) === 'items') {
		return [{ itemIndex: 0, open: () => Promise.resolve(rowsOf(context)) }];
	}
	return items.map((_, itemIndex) => ({ itemIndex, open: () => fileOf(context, itemIndex) }));
}

function rowsOf(context: IExecuteFunctions): Upload {
	const items = context.getInputData();
	const body = rowsAsNdjson(items);
	const { name } = optionsOf(context, 0);
	return {
		body,
		contentType: 'application/x-ndjson',
		name: name || (context.getWorkflow().name ?? 'workflow'),
		pairedItem: items.map((_, item) => ({ item })),
		itemIndex: 0,
		identity: createHash('sha256').update(body).digest('hex'),
	};
}

async function fileOf(context: IExecuteFunctions, itemIndex: number): Promise<Upload> {
	const property = context.getNodeParameter('inputBinary', itemIndex) as string;
	const { id } = context.helpers.assertBinaryData(itemIndex, property);
	const { body, contentType, fileName = 'file' } = await outgoingFile(context, itemIndex, property);
	const { name } = optionsOf(context, itemIndex);
	const type = tableType(contentType, fileName);
	const ownName = fileName.split(/[/\\]/).pop() ?? 'file';
	// without a format a file stays as it is: as a table the engine would read it, and write JSON
	const stays = context.getNodeParameter('format', itemIndex) === '' && isTable(type);
	return {
		body,
		contentType: stays ? 'application/octet-stream' : type,
		name: name || ownName,
		...(stays && !/[{}]/.test(ownName) ? { filename: ownName } : {}),
		pairedItem: { item: itemIndex },
		itemIndex,
		identity: Buffer.isBuffer(body) ? createHash('sha256').update(body).digest('hex') : (id ?? ''),
	};
}

const TABLES: Readonly<Record<string, string>> = {
	csv: 'text/csv',
	json: 'application/json',
	jsonl: 'application/x-ndjson',
	ndjson: 'application/x-ndjson',
};

const isTable = (type: string): boolean =>
	Object.values(TABLES).some((table) => type.split(';')[0]?.trim() === table);

/** n8n does not know all names of tables: what has no type of its own goes by its extension. */
function tableType(contentType: string, fileName: string): string {
	if (!/^(?:application\/octet-stream|text\/plain)\b/.test(contentType)) return contentType;
	return TABLES[/\.(\w+)$/.exec(fileName)?.[1]?.toLowerCase() ?? ''] ?? contentType;
}
