import { createHash } from 'node:crypto';
import type {
	IDataObject,
	IExecuteFunctions,
	ILoadOptionsFunctions,
	INodeExecutionData,
	INodePropertyOptions,
	IPairedItemData,
	ResourceMapperFields,
} from 'n8n-workflow';

import { outgoingFile } from './files';
import { failedItem, rowsAsNdjson, wrapped } from './items';
import { text } from './lists';
import type { FormNames } from './parameter-form';
import { fieldsOf, objectIn, readForm } from './parameter-form';
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
	const filename = templateOf(context.getNodeParameter('fileName', itemIndex, '') as string);
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
	const parameters = this.getCurrentNodeParameters() ?? {};
	const { fileName, format, source, options = {} } = parameters;
	const { name, timeZone } = options as { name?: string; timeZone?: string };
	const filename = templateOf(text(fileName));
	const isFile = source === 'binary';
	if (isFile && text(format) === '' && filename === '') {
		return [{ name: 'The Name of the File Itself', value: '' }];
	}
	const body = {
		...(text(format) === '' ? {} : { format: text(format), options: optionsIn(parameters) }),
		...(filename === '' ? {} : { filename }),
		name: text(name) || (isFile ? 'input' : evaluated(parameters.workflowName) || 'workflow'),
		timeZone: text(timeZone) || evaluated(parameters.workflowTimeZone) || this.getTimezone(),
		// without a format a file is passed on, and nobody knows here what it is
		...(isFile && text(format) === '' ? { contentType: 'application/octet-stream' } : {}),
	};
	const made = await call<{ filename: string; contentType: string }>(this, {
		method: 'POST',
		path: '/v1/format/preview',
		body,
	}).catch((error: unknown) => {
		if (isAboutOptions(error)) return undefined;
		throw wrapped(this, error);
	});
	if (made === undefined) return [{ name: 'Complete the Format Options First', value: '' }];
	return [{ name: made.filename, value: '', description: made.contentType }];
}

/** Of the format, as far as they are filled in: a template decides what type its file has. */
function optionsIn({ optionsMode, formatOptions, formatOptionsJson }: IDataObject): IDataObject {
	if (optionsMode === 'json') return objectIn(formatOptionsJson) ?? {};
	const { value } = (formatOptions ?? {}) as { value?: IDataObject | null };
	return Object.fromEntries(
		Object.entries(value ?? {}).filter(([, given]) => given !== null && given !== ''),
	) as IDataObject;
}

/** Whether the engine refuses the options of the format; the form itself marks what it lacks. */
function isAboutOptions(error: unknown): boolean {
	const { errorResponse } = error as { errorResponse?: { errors?: { path: string }[] } };
	return errorResponse?.errors?.some(({ path }) => path.startsWith('options')) === true;
}

/** The editor sends what an expression gives; whoever else asks may send the expression. */
const evaluated = (value: unknown): string => (text(value).startsWith('=') ? '' : text(value));

export interface UploadOptions {
	name?: string;
	timeZone?: string;
}

export const optionsOf = (context: IExecuteFunctions, itemIndex: number): UploadOptions =>
	context.getNodeParameter('options', itemIndex, {}) as UploadOptions;

/** Does something with all items as one upload, or with the file of each; a node's whole work. */
export async function eachUpload(
	context: IExecuteFunctions,
	act: (context: IExecuteFunctions, upload: Upload) => Promise<INodeExecutionData>,
): Promise<INodeExecutionData[][]> {
	const output: INodeExecutionData[] = [];
	for (const { pairedItem, itemIndex, open } of uploadsOf(context)) {
		try {
			output.push(await act(context, await open()));
		} catch (error) {
			output.push({ ...failedItem(context, error, itemIndex), pairedItem });
		}
	}
	return [output];
}

interface Awaiting extends Pick<Upload, 'pairedItem' | 'itemIndex'> {
	/** One after another, since files are opened by it. */
	open(): Promise<Upload>;
}

function uploadsOf(context: IExecuteFunctions): Awaiting[] {
	const items = context.getInputData();
	if (items.length === 0) return [];
	if (context.getNodeParameter('source', 0) === 'items') {
		const pairedItem = items.map((_, item) => ({ item }));
		return [{ pairedItem, itemIndex: 0, open: () => Promise.resolve(rowsOf(context, pairedItem)) }];
	}
	return items.map((_, itemIndex) => ({
		pairedItem: { item: itemIndex },
		itemIndex,
		open: () => fileOf(context, itemIndex),
	}));
}

function rowsOf(context: IExecuteFunctions, pairedItem: IPairedItemData[]): Upload {
	const body = rowsAsNdjson(context.getInputData());
	const { name } = optionsOf(context, 0);
	return {
		body,
		contentType: 'application/x-ndjson',
		name: name || (context.getWorkflow().name ?? 'workflow'),
		pairedItem,
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
