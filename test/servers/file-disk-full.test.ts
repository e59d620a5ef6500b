import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createFileChannel } from '../../engine/channels/file/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { largeParcel } from '../support/parcels.ts';

const run = promisify(execFile);

describe('the file channel on a full disk', () => {
	let root: string;
	let missing: string | null = null;

	beforeAll(async () => {
		root = await mkdtemp(join(tmpdir(), 'capscheduler-full-'));
		try {
			await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root]);
		} catch (error) {
			missing = (error as Error).message;
			process.stderr.write(`SKIPPED, no tmpfs can be mounted: ${missing}\n`);
		}
	});
	afterAll(async () => {
		if (missing === null) await run('umount', [root]);
		await rm(root, { recursive: true, force: true });
	});

	it('says so, leaves nothing behind, and delivers once there is room', async () => {
		if (missing !== null) return;
		const channel = createFileChannel({ roots: [root], clock: systemClock });
		const settings = channel.settings.parse({ folder: '.' });
		const { signal } = new AbortController();
		const send = async (size: number) => {
			const parcel = largeParcel(size);
			const prepared = channel.prepare(settings, parcel);
			return channel.send(prepared, settings, parcel, { signal, attempt: 1, timeout: 5000 });
		};
		expect(await send(3_000_000)).toMatchObject({
			kind: 'failed',
			code: 'STORAGE_FULL',
			retry: 'later',
		});
		expect(await readdir(root)).toEqual([]);
		expect(await send(500_000)).toMatchObject({ kind: 'delivered' });
		expect(await readdir(root)).toEqual(['report.csv']);
	});
});
