import { expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { writeLines } from '../../engine/transfer/line-file.ts';
import { mountSmallDisk } from './small-disk.ts';

it('an export says that the disk is full, also when its last lines had half of their room', async () => {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-export-full-'));
	const unmount = await mountSmallDisk(join(folder, 'disk'));
	async function* lines(): AsyncGenerator<string[]> {
		yield await Promise.resolve(['x'.repeat(1_500_000)]);
	}
	try {
		const writing = writeLines(join(folder, 'disk', 'runs.ndjson'), lines());
		await expect(writing).rejects.toMatchObject({ code: 'ENOSPC' });
	} finally {
		await unmount();
		await rm(folder, { recursive: true, force: true });
	}
});
