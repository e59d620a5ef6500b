import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { ProbeContext } from '../channel.port.ts';
import { createDeadline } from '../shared/deadline.ts';
import type { Deadline } from '../shared/deadline.ts';
import { parcelOfProbe, probeFile, runProbe } from '../shared/probe.ts';
import { failureFrom } from './failure.ts';
import { enter, placeOf } from './folder.ts';
import { publish } from './publish.ts';
import type { FileSettings } from './settings.ts';
import { removeIfThere, syncFolder, writeAside } from './write.ts';

const TIME = 60_000;

/** Goes the way of a delivery: folder, temporary file, name, durable; reads it back and removes it. */
export async function probeFolder(
	{ folder, mkdir }: FileSettings,
	{ roots, clock, context }: { roots: readonly string[]; clock: Clock; context: ProbeContext },
): Promise<void> {
	const token = randomBytes(4).toString('hex');
	const file = probeFile(token);
	const deadline = createDeadline(clock, { signal: context.signal, timeout: TIME, silence: TIME });
	let left: string | undefined;
	try {
		await runProbe(
			async ({ step }) => {
				const truth = await step('connect', async () => {
					const value = await enter(placeOf(folder, roots), { mkdir });
					return { value, detail: value };
				});
				left = join(truth, file.name);
				await step('write', () => write(truth, file, { deadline, token }));
				await step('read', () => readBack(join(truth, file.name), file.bytes));
				await step('delete', async () => {
					await removeIfThere(join(truth, file.name));
					await syncFolder(truth);
					return { value: undefined };
				});
			},
			{ clock, context, explain: (error) => failureFrom(error, { folder }) },
		);
	} finally {
		deadline.end();
		if (left !== undefined) await removeIfThere(left).catch(() => undefined);
	}
}

async function write(
	folder: string,
	file: ReturnType<typeof probeFile>,
	{ deadline, token }: { deadline: Deadline; token: string },
) {
	const parcel = parcelOfProbe(file);
	const aside = await writeAside(folder, parcel, { deadline, token });
	try {
		await publish(aside, folder, { filename: file.name, overwrite: 'refuse' });
	} catch (error) {
		await removeIfThere(aside);
		throw error;
	}
	await syncFolder(folder);
	return { value: undefined, detail: `${file.name}, ${file.bytes.length} bytes` };
}

async function readBack(path: string, bytes: Uint8Array) {
	const there = await readFile(path);
	if (!there.equals(bytes)) {
		throw new CapError('TARGET_FAULT', 'other bytes were read than had been written');
	}
	const { ino } = await stat(path);
	return { value: undefined, detail: `the same bytes, inode ${ino}` };
}
