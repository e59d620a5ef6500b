import type { Dispatcher } from 'undici';

import { CapError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Parcel } from '../channel.port.ts';
import { contentDisposition } from '../shared/content-disposition.ts';
import { crc32c, crc32cText } from '../shared/crc32c.ts';
import type { Deadline } from '../shared/deadline.ts';
import { exchange } from '../shared/http-exchange.ts';
import type { Answer } from '../shared/http-exchange.ts';
import type { Bucket } from '../shared/object-store.port.ts';
import { slicedBody } from '../shared/sliced-body.ts';
import { readParcel } from '../shared/source.ts';
import { Refused } from './failure.ts';
import { originOf } from './settings.ts';
import type { GcsSettings } from './settings.ts';

/** Of an upload; the store takes multiples of 256 KB. */
const CHUNK = 8_388_608;
const KEEP = 32_768;
/** For taking back an upload that failed, whatever the attempt's own time; milliseconds. */
const GRACE = 5_000;

interface Tools {
	settings: GcsSettings;
	dispatcher(this: void): Dispatcher;
	deadline: Pick<Deadline, 'signal' | 'progress'>;
	token: string;
}

interface Resource {
	size?: string;
	etag?: string;
	generation?: string;
	crc32c?: string;
	metadata?: Record<string, string>;
}

/** Cloud Storage by its JSON API. */
export function createBucket(tools: Tools): Bucket {
	const { settings, dispatcher, deadline, token } = tools;
	const objects = `/storage/v1/b/${encodeURIComponent(settings.bucket)}/o`;
	const origin = originOf(settings);

	async function ask(
		method: string,
		path: string,
		{
			headers = {},
			body = null,
			signal = deadline.signal,
		}: {
			headers?: Record<string, string>;
			body?: string | Uint8Array | null;
			signal?: AbortSignal;
		} = {},
	): Promise<Answer> {
		const authorization = `Bearer ${token}`;
		const sized = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
		return exchange(
			{
				origin,
				path,
				method,
				headers: { authorization, ...sized, ...headers },
				body: slicedBody(body, deadline.progress),
			},
			{ dispatcher: dispatcher(), signal, keep: KEEP, onProgress: deadline.progress },
		);
	}

	async function begin(key: string, parcel: Parcel, create: boolean): Promise<string> {
		const query = new URLSearchParams({ uploadType: 'resumable', name: key });
		if (create) query.set('ifGenerationMatch', '0');
		if (settings.kmsKeyName !== undefined) query.set('kmsKeyName', settings.kmsKeyName);
		const answer = await ask('POST', `/upload${objects}?${query.toString()}`, {
			headers: {
				'content-type': 'application/json; charset=utf-8',
				'x-upload-content-type': parcel.contentType,
				'x-upload-content-length': String(parcel.size),
			},
			body: JSON.stringify(attributes(settings, parcel)),
		});
		const [location] = [answer.headers.location].flat();
		if (answer.status !== 200 && answer.status !== 201) throw new Refused(answer);
		if (location === undefined) throw noSession();
		// the store's own host, whatever the answer names
		const { pathname, search } = new URL(location, origin);
		return pathname + search;
	}

	async function sendChunks(session: string, parcel: Parcel): Promise<Resource> {
		let sum = 0;
		let sent = 0;
		let last: Answer | null = null;
		const put = async (chunk: Uint8Array): Promise<void> => {
			sum = crc32c(chunk, sum);
			const end = sent + chunk.length;
			const range = chunk.length === 0 ? '*' : `${sent}-${end - 1}`;
			const whole = end === parcel.size;
			last = await ask('PUT', session, {
				headers: {
					'content-range': `bytes ${range}/${parcel.size}`,
					// compared before there is an object
					...(whole ? { 'x-goog-hash': `crc32c=${crc32cText(sum)}` } : {}),
				},
				body: chunk,
			});
			if (whole ? last.status >= 300 : last.status !== 308) throw new Refused(last);
			sent = end;
		};
		for await (const chunk of chunksOf(readParcel(parcel, deadline))) await put(chunk);
		const told = resourceIn(last);
		const ours = crc32cText(sum);
		if (told.crc32c === undefined || told.crc32c === ours) return { ...told, crc32c: ours };
		throw new CapError('TARGET_FAULT', `other bytes arrived: their CRC-32C is ${told.crc32c}`, {
			retry: 'later',
		});
	}

	return {
		async head(key) {
			const answer = await ask('GET', `${objects}/${encodeURIComponent(key)}`);
			if (answer.status === 404) return null;
			// who may write need not be allowed to read: then it is there, and not known to be ours
			if (answer.status === 403) return { size: undefined, sha256: undefined, about: {} };
			if (answer.status !== 200) throw new Refused(answer);
			const resource = resourceIn(answer);
			const sha256 = resource.metadata?.['capscheduler-sha256'];
			return { size: Number(resource.size), sha256, about: aboutOf(resource) };
		},
		async put(key, parcel, { create }) {
			const session = await begin(key, parcel, create);
			try {
				return aboutOf(await sendChunks(session, parcel));
			} catch (error) {
				// else the store would keep what it got for a week
				await ask('DELETE', session, { signal: AbortSignal.timeout(GRACE) }).catch(() => undefined);
				throw error;
			}
		},
		meaning(error) {
			return error instanceof Refused && error.answer.status === 412 ? 'taken' : null;
		},
		async read(key) {
			const { statusCode, body } = await dispatcher().request({
				origin,
				path: `${objects}/${encodeURIComponent(key)}?alt=media`,
				method: 'GET',
				headers: { authorization: `Bearer ${token}` },
				signal: deadline.signal,
			});
			if (statusCode === 200) return body;
			throw new Refused({ status: statusCode, headers: {}, text: await body.text() });
		},
		async remove(key) {
			const answer = await ask('DELETE', `${objects}/${encodeURIComponent(key)}`);
			if (answer.status >= 300 && answer.status !== 404) throw new Refused(answer);
		},
	};
}

function noSession(): CapError {
	return new CapError('TARGET_PROTOCOL', 'the store began no upload', { retry: 'later' });
}

/** All but the last have `CHUNK` bytes; of nothing there is one without bytes. */
async function* chunksOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	let parts: Uint8Array[] = [];
	let size = 0;
	for await (const piece of source) {
		parts.push(piece);
		size += piece.length;
		// one byte more shows that this is not the last
		if (size <= CHUNK) continue;
		const whole = Buffer.concat(parts);
		for (let from = 0; size > CHUNK; from += CHUNK, size -= CHUNK) {
			yield whole.subarray(from, from + CHUNK);
			parts = [whole.subarray(from + CHUNK)];
		}
	}
	yield Buffer.concat(parts);
}

function attributes(settings: GcsSettings, parcel: Parcel): JsonObject {
	const { metadata, storageClass, cacheControl, disposition } = settings;
	return {
		contentType: parcel.contentType,
		metadata: {
			...metadata,
			'capscheduler-delivery': parcel.deliveryId,
			'capscheduler-sha256': parcel.sha256,
		},
		...(storageClass === undefined ? {} : { storageClass }),
		...(cacheControl === undefined ? {} : { cacheControl }),
		...(disposition === 'none' ? {} : { contentDisposition: contentDisposition(parcel.filename) }),
	};
}

function resourceIn(answer: Answer | null): Resource {
	try {
		return Object(JSON.parse(answer?.text ?? '')) as Resource;
	} catch {
		throw new CapError('TARGET_PROTOCOL', 'the store answered no object', { retry: 'later' });
	}
}

function aboutOf({ etag, generation, crc32c: sum }: Resource): JsonObject {
	return {
		...(etag === undefined ? {} : { etag }),
		...(generation === undefined ? {} : { generation }),
		...(sum === undefined ? {} : { crc32c: sum }),
	};
}
