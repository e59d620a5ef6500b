import { expect, it } from '@jest/globals';

import { sweepUploads } from '../../../engine/channels/s3/put.ts';
import { parcelOf } from '../../support/parcels.ts';

it('what an engine left of an upload is taken back on whatever page it is listed', async () => {
	const pages = [
		{ Uploads: [{ Key: 'a.csv.gz', UploadId: '1' }], IsTruncated: true, NextKeyMarker: 'k1' },
		{ Uploads: [{ Key: 'a.csv', UploadId: '2' }], IsTruncated: true, NextKeyMarker: 'k2' },
		{ Uploads: [{ Key: 'a.csv', UploadId: '3' }], IsTruncated: false },
	];
	const large = parcelOf('', { size: 10_000_000 });
	const asked: unknown[] = [];
	const aborted: unknown[] = [];
	class List {
		readonly input: { KeyMarker?: string };
		constructor(input: { KeyMarker?: string }) {
			this.input = input;
		}
	}
	class Abort {
		readonly input: { UploadId: string };
		constructor(input: { UploadId: string }) {
			this.input = input;
		}
	}
	const client = {
		send: async (command: List | Abort) => {
			if (command instanceof List)
				return Promise.resolve(pages[asked.push(command.input.KeyMarker) - 1]);
			aborted.push(command.input.UploadId);
			return Promise.resolve({});
		},
	};
	const sdk = { ListMultipartUploadsCommand: List, AbortMultipartUploadCommand: Abort };
	const deadline = {
		signal: new AbortController().signal,
		progress: () => undefined,
		end: () => undefined,
	};
	await sweepUploads({ client, sdk, settings: { bucket: 'b' }, deadline } as never, 'a.csv', large);
	expect(asked).toEqual([undefined, 'k1', 'k2']);
	expect(aborted).toEqual(['2', '3']);
});
