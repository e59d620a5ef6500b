import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import { toIso } from '../../contract/time.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { createDeadline } from '../shared/deadline.ts';
import { failureFrom } from './failure.ts';
import { judgeName, overwriteOf } from '../shared/names.ts';
import { enter, placeOf } from './folder.ts';
import { probeFolder } from './probe.ts';
import { findPublished, publish } from './publish.ts';
import type { FileSettings } from './settings.ts';
import { fileSettingsSchema } from './settings.ts';
import { removeIfThere, sweepAside, syncFolder, writeAside } from './write.ts';

export interface FileChannelOptions {
	/** Absolute folders below which files may be written, from CAPSCHEDULER_FILE_ROOTS. */
	roots: readonly string[];
	clock: Clock;
}

type Plan = Pick<FileSettings, 'overwrite' | 'mkdir'> & {
	root: string;
	folder: string;
	filename: string;
};

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Writes the artifact as a file that appears whole, and durably, under its name. */
export function createFileChannel({ roots, clock }: FileChannelOptions): Channel {
	async function place(plan: Plan, parcel: Parcel, work: { deadline: Deadline; attempt: number }) {
		const { overwrite, mkdir } = plan;
		const folder = await enter(plan, { mkdir });
		if (work.attempt > 1) await sweepAside(folder, parcel);
		const there = await findPublished(folder, parcel, overwrite);
		if (there !== null) {
			// the crash may have come between the name and its durability
			await syncFolder(folder);
			return { folder, name: there };
		}
		const token = randomBytes(4).toString('hex');
		const aside = await writeAside(folder, parcel, { deadline: work.deadline, token });
		try {
			work.deadline.signal.throwIfAborted();
			const name = await publish(aside, folder, { filename: plan.filename, overwrite });
			await syncFolder(folder);
			return { folder, name };
		} catch (error) {
			await removeIfThere(aside);
			throw error;
		}
	}

	return {
		name: 'file',
		title: 'File',
		abilities: {
			streaming: true,
			atomic: true,
			files: true,
			receipt: 'path and inode of the file, after its bytes and its name are on disk',
			idempotency: 'a file of the same name and the same bytes counts as delivered',
		},
		limits: { filenameBytes: 255, suffixes: 9999 },
		settings: fileSettingsSchema,
		secrets: [],
		retries: [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR],
		timeout: MINUTE,
		reaches: (settings) => ({ folders: [(settings as FileSettings).folder] }),
		async check(settings) {
			const { folder } = settings as FileSettings;
			try {
				await enter(placeOf(folder, roots), { mkdir: false });
			} catch (error) {
				// a folder that is missing or unreadable now may be there when it is due
				if (error instanceof CapError) throw error;
			}
		},
		prepare(settings, parcel) {
			const { folder, overwrite, mkdir } = settings as FileSettings;
			judgeName(parcel.filename);
			return {
				...placeOf(folder, roots),
				overwrite: overwriteOf(overwrite, parcel),
				mkdir,
				filename: parcel.filename,
			};
		},
		async send(prepared, _settings, parcel, { signal, attempt, timeout }) {
			const deadline = createDeadline(clock, { signal, timeout, silence: MINUTE });
			try {
				const plan = prepared as Plan;
				const { folder, name } = await place(plan, parcel, { deadline, attempt });
				const path = join(folder, name);
				const { size, sha256 } = parcel;
				const { ino } = await stat(path);
				const at = toIso(clock.now());
				return {
					kind: 'delivered',
					receipt: {
						channel: 'file',
						location: path,
						name,
						size,
						sha256,
						remote: { inode: ino },
						at,
					},
				};
			} catch (error) {
				return failureFrom(error, prepared as Plan);
			} finally {
				deadline.end();
			}
		},
		async unmark(settings, { filename }) {
			const { folder, overwrite } = settings as FileSettings;
			if (overwrite !== 'replace') return null;
			try {
				const truth = await enter(placeOf(folder, roots), { mkdir: false });
				await removeIfThere(join(truth, filename));
				await syncFolder(truth);
				return null;
			} catch (error) {
				// no folder, no marker
				if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
				return failureFrom(error, { folder });
			}
		},
		probe: (settings, context) => probeFolder(settings as FileSettings, { roots, clock, context }),
	};
}
