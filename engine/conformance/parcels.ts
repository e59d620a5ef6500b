import { createHash, randomBytes } from 'node:crypto';

import type { Parcel } from '../channels/channel.port.ts';

let made = 0;

/** A parcel of these bytes; every one is a new delivery unless `overrides` says otherwise. */
export function parcelOf(bytes: Uint8Array | string, overrides: Partial<Parcel> = {}): Parcel {
	const body = Buffer.from(bytes);
	made += 1;
	return {
		deliveryId: `dlv_${String(made).padStart(26, '0')}`,
		runId: 'run_00000000000000000000000001',
		scheduleId: 'sch_00000000000000000000000001',
		tenant: 'default',
		capability: 'reports',
		action: 'daily-sales',
		nominalAt: '2027-01-31T08:00:00.000Z',
		filename: 'report.csv',
		contentType: 'text/csv; charset=utf-8',
		size: body.length,
		sha256: createHash('sha256').update(body).digest('hex'),
		async *open() {
			await Promise.resolve();
			if (body.length > 0) yield body;
		},
		...overrides,
	};
}

const CHUNK = 65_536;

/** A parcel of `size` bytes that never lie in memory at once; `onChunk` is called before each. */
export function largeParcel(
	size: number,
	overrides: Partial<Parcel> & { onChunk?: (sent: number) => Promise<void> } = {},
): Parcel {
	const { onChunk, ...rest } = overrides;
	const seed = randomBytes(CHUNK);
	function* chunks(): Generator<Buffer> {
		for (let sent = 0; sent < size; sent += CHUNK) {
			// a copy each, so that whoever keeps them is found out
			const chunk = Buffer.from(seed.subarray(0, Math.min(CHUNK, size - sent)));
			chunk[0] = (sent / CHUNK) % 251;
			yield chunk;
		}
	}
	const hash = createHash('sha256');
	for (const chunk of chunks()) hash.update(chunk);
	return parcelOf('', {
		size,
		sha256: hash.digest('hex'),
		async *open() {
			let sent = 0;
			for (const chunk of chunks()) {
				await onChunk?.(sent);
				sent += chunk.length;
				yield chunk;
			}
		},
		...rest,
	});
}
