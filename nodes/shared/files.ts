import type {
	BinaryHelperFunctions,
	IBinaryData,
	IDataObject,
	IExecuteFunctions,
} from 'n8n-workflow';

import { brokenOffError } from './errors';
import type { ByteStream, Caller, EngineAnswer } from './transport';
import { path, send } from './transport';

/**
 * The result of a run as a file, and what is known of it.
 * @param wish.format of those in `/v1/formats`; empty: what the delivery says, else JSON for rows and bytes as they are
 * @param wish.property the binary field that it is put in
 */
export async function resultFile(
	context: Caller & { helpers: Pick<BinaryHelperFunctions, 'prepareBinaryData'> },
	wish: { runId: string; format: string; property: string; itemIndex: number },
): Promise<{ json: IDataObject; binary: Record<string, IBinaryData> }> {
	const { runId, format, property, itemIndex } = wish;
	const answer = await send<ByteStream>(context, {
		path: path`/v1/runs/${runId}/result`,
		query: { format },
		stream: true,
		timeout: 0,
		itemIndex,
	});
	const { binary, facts } = await receiveFile(context, answer, itemIndex);
	return { json: { runId, ...facts }, binary: { [property]: binary } };
}

/**
 * The file that the engine sends, passed on to n8n's binary storage without being held in memory.
 * @throws NodeApiError when it breaks off: half a file is none
 */
export async function receiveFile(
	context: Caller & { helpers: Pick<BinaryHelperFunctions, 'prepareBinaryData'> },
	{ headers, body }: EngineAnswer<ByteStream>,
	itemIndex: number,
): Promise<{ binary: IBinaryData; facts: IDataObject }> {
	const fileName = fileNameOf(headers['content-disposition']) ?? 'result';
	const mimeType = headers['content-type']?.split(';')[0] ?? 'application/octet-stream';
	let binary: IBinaryData;
	try {
		binary = await context.helpers.prepareBinaryData(body, fileName, mimeType);
	} catch (error) {
		throw brokenOffError({ node: context.getNode(), itemIndex }, fileName, error);
	}
	const sha256 = headers.etag?.replaceAll('"', '');
	const size = headers['content-length'];
	return {
		binary,
		facts: {
			fileName,
			mimeType,
			...(size === undefined ? {} : { size: Number(size) }),
			...(sha256 === undefined ? {} : { sha256 }),
		},
	};
}

/** RFC 6266: the exact name where there is one. */
function fileNameOf(disposition: string | undefined): string | undefined {
	if (disposition === undefined) return undefined;
	const exact = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
	if (exact !== undefined) return decodeURIComponent(exact);
	return /filename="([^"]*)"/i.exec(disposition)?.[1];
}

export interface OutgoingFile {
	body: ByteStream | Buffer;
	contentType: string;
	fileName: string | undefined;
	size: number | undefined;
}

/** A binary field of an item, as a stream where n8n keeps it outside memory. */
export async function outgoingFile(
	context: IExecuteFunctions,
	itemIndex: number,
	property: string,
): Promise<OutgoingFile> {
	const { id, mimeType, fileName, bytes } = context.helpers.assertBinaryData(itemIndex, property);
	const body =
		id === undefined
			? await context.helpers.getBinaryDataBuffer(itemIndex, property)
			: await context.helpers.getBinaryStream(id);
	const size = Buffer.isBuffer(body) ? body.length : bytes;
	return { body, contentType: mimeType, fileName, size };
}
