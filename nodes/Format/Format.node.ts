import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { byDisplayName, outputFileField } from '../shared/descriptions';
import { receiveFile } from '../shared/files';
import { getFormats } from '../shared/lists';
import type { ByteStream } from '../shared/transport';
import { CREDENTIAL, send } from '../shared/transport';
import type { Upload } from '../shared/upload';
import {
	eachUpload,
	getFormatOptions,
	optionsOf,
	previewFileName,
	renderingOf,
} from '../shared/upload';
import { formatFields, inputFields, nameOption, timeZoneOption } from '../shared/upload-fields';

/** Makes a file of items, or another file of a file, in any format that the engine has. */
export class Format implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Format',
		name: 'format',
		icon: { light: 'file:format.svg', dark: 'file:format.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle:
			'={{ ($parameter["source"] === "binary" ? "file" : "items") + ($parameter["format"] ? " to " + $parameter["format"] : "") }}',
		description: 'Make a file of items, or of another file, in any format of CapScheduler',
		defaults: { name: 'Format' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: CREDENTIAL, required: true }],
		hints: [
			{
				type: 'info',
				message:
					'The input items have binary data: set <b>Input</b> to "File of Each Item" to convert the files themselves.',
				displayCondition:
					'={{ $parameter["source"] === "items" && $input.all().some((item) => item.binary && Object.keys(item.binary).length > 0) }}',
				whenToDisplay: 'beforeExecution',
				location: 'outputPane',
			},
		],
		properties: [
			...inputFields,
			...formatFields,
			outputFileField,
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: byDisplayName([nameOption, timeZoneOption]),
			},
		],
	};

	methods = {
		loadOptions: { getFormats, previewFileName },
		resourceMapping: { getFormatOptions },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return eachUpload(this, format);
	}
}

/** Streamed both ways where n8n keeps binary data outside memory. */
async function format(
	context: IExecuteFunctions,
	{ body, contentType, name, pairedItem, itemIndex, filename: ownName }: Upload,
): Promise<INodeExecutionData> {
	const { format: wanted, options, filename } = renderingOf(context, itemIndex);
	const { timeZone } = optionsOf(context, itemIndex);
	const answer = await send<ByteStream>(context, {
		method: 'POST',
		path: '/v1/format',
		query: {
			format: wanted,
			options: options === undefined ? undefined : JSON.stringify(options),
			filename: filename ?? ownName,
			name,
			timeZone: timeZone || context.getTimezone(),
		},
		headers: { 'content-type': contentType },
		body,
		stream: true,
		timeout: 0,
		itemIndex,
	});
	const { binary, facts } = await receiveFile(context, answer, itemIndex);
	const { bytes } = binary;
	const property = context.getNodeParameter('binaryProperty', itemIndex) as string;
	return {
		json: { ...facts, ...(bytes === undefined ? {} : { size: bytes }) },
		binary: { [property]: binary },
		pairedItem,
	};
}
