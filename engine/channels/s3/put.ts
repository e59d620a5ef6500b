import type { S3Client } from '@aws-sdk/client-s3';

import type { Parcel } from '../channel.port.ts';
import { contentDisposition } from '../shared/content-disposition.ts';
import type { Deadline } from '../shared/deadline.ts';
import { sendInParts } from '../shared/parts.ts';
import { readParcel, readWhole } from '../shared/source.ts';
import type { S3Settings } from './settings.ts';

export type Sdk = typeof import('@aws-sdk/client-s3');

/** One client and what it is used for. */
export interface Store {
	client: S3Client;
	sdk: Sdk;
	settings: S3Settings;
	deadline: Pick<Deadline, 'signal' | 'progress'>;
}

export interface Stored {
	etag?: string | undefined;
	version?: string | undefined;
	checksum?: string | undefined;
	parts?: number;
}

/** Files up to here go in one request. S3 takes parts of 5 MB and more, 10,000 at most. */
const PART = 8_388_608;
const PARTS = 9000;
/** For taking back an upload that failed, whatever the attempt's own time; milliseconds. */
const GRACE = 5_000;
/** Of a thousand uploads each, that others under the same prefix may have under way. */
const MOST_PAGES = 20;

export async function putObject(
	store: Store,
	key: string,
	{ parcel, create }: { parcel: Parcel; create: boolean },
): Promise<Stored> {
	if (parcel.size > PART) return putParts(store, key, { parcel, create });
	const { client, sdk, settings, deadline } = store;
	const { signal } = deadline;
	const Body = await readWhole(parcel, deadline);
	const answer = await client.send(
		new sdk.PutObjectCommand({
			...attributes(settings, parcel),
			Bucket: settings.bucket,
			Key: key,
			Body,
			ContentLength: parcel.size,
			...(create ? { IfNoneMatch: '*' } : {}),
		}),
		{ abortSignal: signal },
	);
	return storedAs(answer);
}

/** Either all parts become an object, or none is left: an upload that failed is taken back before this ends. */
async function putParts(
	store: Store,
	key: string,
	{ parcel, create }: { parcel: Parcel; create: boolean },
): Promise<Stored> {
	const { client, sdk, settings, deadline } = store;
	const where = { Bucket: settings.bucket, Key: key };
	const { signal: abortSignal } = deadline;
	const { UploadId } = await client.send(
		new sdk.CreateMultipartUploadCommand({ ...attributes(settings, parcel), ...where }),
		{ abortSignal },
	);
	try {
		const parts = await sendParts(store, { ...where, UploadId }, parcel);
		const answer = await client.send(
			new sdk.CompleteMultipartUploadCommand({
				...where,
				UploadId,
				MultipartUpload: { Parts: parts },
				...(create ? { IfNoneMatch: '*' } : {}),
			}),
			{ abortSignal },
		);
		return { ...storedAs(answer), parts: parts.length };
	} catch (error) {
		await takeBack(store, { ...where, UploadId });
		throw error;
	}
}

interface Upload {
	Bucket: string;
	Key: string;
	UploadId: string | undefined;
}

async function sendParts(
	{ client, sdk, settings, deadline }: Store,
	upload: Upload,
	parcel: Parcel,
) {
	const size = Math.max(PART, Math.ceil(parcel.size / PARTS));
	const algorithm = algorithmOf(settings);
	const done: { PartNumber: number; ETag: string | undefined; [checksum: string]: unknown }[] = [];
	await sendInParts(readParcel(parcel, deadline), {
		size,
		async send(Body, PartNumber) {
			const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumSHA1, ChecksumSHA256 } =
				await client.send(
					new sdk.UploadPartCommand({
						...upload,
						Body,
						PartNumber,
						ContentLength: Body.length,
						...algorithm,
					}),
					{ abortSignal: deadline.signal },
				);
			const sums = { ChecksumCRC32, ChecksumCRC32C, ChecksumSHA1, ChecksumSHA256 };
			done.push({ PartNumber, ETag, ...sums });
		},
	});
	return done.sort((a, b) => a.PartNumber - b.PartNumber);
}

/** The SDK's own helper gives up before it has told the store; parts would be kept, and paid for, for ever. */
async function takeBack({ client, sdk }: Store, upload: Upload): Promise<void> {
	const abortSignal = AbortSignal.timeout(GRACE);
	await client
		.send(new sdk.AbortMultipartUploadCommand(upload), { abortSignal })
		.catch(() => undefined);
}

/** What an attempt left whose engine died. Another upload to the same key would lose to ours, or ours to it. */
export async function sweepUploads(store: Store, key: string, parcel: Parcel): Promise<void> {
	if (parcel.size <= PART) return;
	const { client, sdk, settings, deadline } = store;
	let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
	for (let page = 0; page < MOST_PAGES; page++) {
		const list = { Bucket: settings.bucket, Prefix: key, ...marker };
		const found = await client
			.send(new sdk.ListMultipartUploadsCommand(list), { abortSignal: deadline.signal })
			// not everybody may list
			.catch(() => null);
		deadline.progress();
		for (const { Key, UploadId } of found?.Uploads ?? []) {
			if (Key === key) await takeBack(store, { Bucket: settings.bucket, Key, UploadId });
		}
		if (found?.IsTruncated !== true) return;
		marker = { KeyMarker: found.NextKeyMarker, UploadIdMarker: found.NextUploadIdMarker };
	}
}

/** What a repeat is known by. */
function attributes(settings: S3Settings, parcel: Parcel) {
	const { storageClass, sse, kmsKeyId, tags, metadata, disposition } = settings;
	return {
		ContentType: parcel.contentType,
		Metadata: {
			...metadata,
			'capscheduler-delivery': parcel.deliveryId,
			'capscheduler-sha256': parcel.sha256,
		},
		...algorithmOf(settings),
		...(disposition === 'none' ? {} : { ContentDisposition: contentDisposition(parcel.filename) }),
		...(storageClass === undefined ? {} : { StorageClass: storageClass as never }),
		...(sse === undefined ? {} : { ServerSideEncryption: sse }),
		...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
		...(tags === undefined ? {} : { Tagging: new URLSearchParams(tags).toString() }),
	};
}

function algorithmOf({ checksum }: S3Settings) {
	return checksum === 'none' ? {} : { ChecksumAlgorithm: checksum.toUpperCase() as 'CRC32' };
}

function storedAs(answer: {
	ETag?: string | undefined;
	VersionId?: string | undefined;
	ChecksumCRC32?: string | undefined;
	ChecksumCRC32C?: string | undefined;
	ChecksumSHA1?: string | undefined;
	ChecksumSHA256?: string | undefined;
}): Stored {
	return {
		etag: answer.ETag,
		version: answer.VersionId,
		checksum:
			answer.ChecksumCRC32 ?? answer.ChecksumCRC32C ?? answer.ChecksumSHA1 ?? answer.ChecksumSHA256,
	};
}
