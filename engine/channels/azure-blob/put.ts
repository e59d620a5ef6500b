import type { BlockBlobClient } from '@azure/storage-blob';
import { createHash } from 'node:crypto';

import type { JsonObject } from '../../contract/json.ts';
import type { Parcel } from '../channel.port.ts';
import { contentDisposition } from '../shared/content-disposition.ts';
import type { Deadline } from '../shared/deadline.ts';
import { sendInParts } from '../shared/parts.ts';
import { readParcel, readWhole } from '../shared/source.ts';
import type { AzureSettings } from './settings.ts';

/** Files up to here go in one request. The store takes 50,000 blocks. */
const BLOCK = 8_388_608;
const BLOCKS = 45_000;

interface Put {
	settings: AzureSettings;
	deadline: Pick<Deadline, 'signal' | 'progress'>;
	create: boolean;
	attempt: number;
}

export async function putBlob(
	blob: BlockBlobClient,
	parcel: Parcel,
	put: Put,
): Promise<JsonObject> {
	if (parcel.size > BLOCK) return putBlocks(blob, parcel, put);
	const { settings, deadline } = put;
	const bytes = await readWhole(parcel, deadline);
	const sum = settings.checksum === 'md5' ? createHash('md5').update(bytes).digest() : null;
	const answer = await blob.upload(bytes, bytes.length, {
		...attributes(parcel, put, sum),
		...(sum === null ? {} : { transactionalContentMD5: sum }),
	});
	return storedAs(answer, sum);
}

/**
 * Blocks are no blob until they are listed. Their names tell whose bytes they are: what an earlier attempt of this
 * delivery has sent need not be sent again. Blocks that nobody lists are thrown away by the store after a week.
 */
async function putBlocks(blob: BlockBlobClient, parcel: Parcel, put: Put): Promise<JsonObject> {
	const { settings, deadline, attempt } = put;
	const { signal: abortSignal } = deadline;
	const size = Math.max(BLOCK, Math.ceil(parcel.size / BLOCKS));
	const whole = settings.checksum === 'md5' ? createHash('md5') : null;
	const there = attempt > 1 ? await blocksOf(blob, abortSignal) : new Map<string, number>();
	const ids: string[] = [];
	let resumed = 0;
	await sendInParts(readParcel(parcel, deadline), {
		size,
		async send(part, number) {
			const id = blockId(parcel, size, number);
			ids.push(id);
			whole?.update(part);
			if (there.get(id) === part.length) {
				resumed += part.length;
				return;
			}
			const sum = whole && createHash('md5').update(part).digest();
			await blob.stageBlock(id, part, part.length, {
				abortSignal,
				...(sum === null ? {} : { transactionalContentMD5: sum }),
			});
		},
	});
	const sum = whole?.digest() ?? null;
	const answer = await blob.commitBlockList(ids, attributes(parcel, put, sum));
	const stored = { ...storedAs(answer, sum), blocks: ids.length };
	return resumed === 0 ? stored : { ...stored, resumedFrom: resumed };
}

/** The same for the same bytes at the same place of the same delivery; all of them equally long. */
function blockId({ deliveryId, sha256 }: Parcel, size: number, number: number): string {
	const of = createHash('sha256').update(`${deliveryId} ${sha256} ${size}`).digest('hex');
	return Buffer.from(`${of.slice(0, 32)}-${String(number).padStart(6, '0')}`).toString('base64');
}

async function blocksOf(
	blob: BlockBlobClient,
	abortSignal: AbortSignal,
): Promise<Map<string, number>> {
	const { uncommittedBlocks = [] } = await blob
		.getBlockList('uncommitted', { abortSignal })
		// none yet, or not everybody may read
		.catch(() => ({ uncommittedBlocks: [] }));
	return new Map(uncommittedBlocks.map(({ name, size }) => [name, size]));
}

function attributes(parcel: Parcel, { settings, deadline, create }: Put, sum: Uint8Array | null) {
	const { metadata, tags, tier, cacheControl, disposition } = settings;
	return {
		abortSignal: deadline.signal,
		blobHTTPHeaders: {
			blobContentType: parcel.contentType,
			...(sum === null ? {} : { blobContentMD5: sum }),
			...(cacheControl === undefined ? {} : { blobCacheControl: cacheControl }),
			...(disposition === 'none'
				? {}
				: { blobContentDisposition: contentDisposition(parcel.filename) }),
		},
		metadata: {
			...metadata,
			capscheduler_delivery: parcel.deliveryId,
			capscheduler_sha256: parcel.sha256,
		},
		...(create ? { conditions: { ifNoneMatch: '*' } } : {}),
		...(tags === undefined ? {} : { tags }),
		...(tier === undefined ? {} : { tier }),
	};
}

function storedAs(
	{ etag, versionId }: { etag?: string | undefined; versionId?: string | undefined },
	sum: Uint8Array | null,
): JsonObject {
	return {
		...(etag === undefined ? {} : { etag }),
		...(versionId === undefined ? {} : { version: versionId }),
		...(sum === null ? {} : { md5: Buffer.from(sum).toString('base64') }),
	};
}
