import { parquetMetadataAsync, parquetReadObjects, type FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

function fileOf(bytes: Buffer): ArrayBuffer {
	return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

/** The rows as hyparquet reads them; its writer is ours, its reader is not. */
export const readParquet = (bytes: Buffer): Promise<Record<string, unknown>[]> =>
	parquetReadObjects({ file: fileOf(bytes), compressors, utf8: false });

export const parquetMetadata = (bytes: Buffer): Promise<FileMetaData> =>
	parquetMetadataAsync(fileOf(bytes));
