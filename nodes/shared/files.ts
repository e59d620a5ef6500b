import type {
	BinaryHelperFunctions,
	IBinaryData,
	IDataObject,
	IExecuteFunctions,
} from 'n8n-workflow';

import type { ByteStream, EngineAnswer } from './transport';

/** The file that the engine sends, passed on to n8n's binary storage without being held in memory. */
export async function receiveFile(
	context: { helpers: Pick<BinaryHelperFunctions, 'prepareBinaryData'> },
	{ headers, body }: EngineAnswer<ByteStream>,
): Promise<{ binary: IBinaryData; facts: IDataObject }> {
	const fileName = fileNameOf(headers['content-disposition']) ?? 'result';
	const mimeType = headers['content-type']?.split(';')[0] ?? 'application/octet-stream';
	const binary = await context.helpers.prepareBinaryData(body, fileName, mimeType);
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
