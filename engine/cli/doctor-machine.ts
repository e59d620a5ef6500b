import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { toIso } from '../contract/time.ts';
import type { Check } from './doctor-check.ts';

const NEEDED_NODE = 24;

export function checkNode(): Check {
	const { node } = process.versions;
	return Number.parseInt(node, 10) >= NEEDED_NODE
		? { name: 'node', status: 'ok', message: `version ${node}` }
		: {
				name: 'node',
				status: 'problem',
				message: `version ${node}`,
				mend: `Install Node ${NEEDED_NODE} or later.`,
			};
}

/** Folders and modules that the settings name. */
export async function checkPlaces(config: Config): Promise<Check[]> {
	const { W_OK, R_OK } = constants;
	const places = [
		...config.fileRoots.map((path) => ({
			name: 'file root',
			path,
			mode: W_OK,
			must: 'be written',
		})),
		...config.sqliteRoots.map((path) => ({
			name: 'sqlite root',
			path,
			mode: R_OK,
			must: 'be read',
		})),
		...[...config.modules].map(([, path]) => ({
			name: 'module',
			path,
			mode: R_OK,
			must: 'be read',
		})),
	];
	return Promise.all(
		places.map(async ({ name, path, mode, must }): Promise<Check> => {
			const good = await access(path, mode).then(
				() => true,
				() => false,
			);
			if (good) return { name, status: 'ok', message: path };
			return { name, status: 'problem', message: `${path} is not there or cannot ${must}` };
		}),
	);
}

/** Who else may read the data, and whether we may write it. */
export async function checkFolder(folder: string): Promise<Check[]> {
	const info = await stat(folder).catch(() => null);
	if (info === null) {
		return [
			{
				name: 'data folder',
				status: 'notice',
				message: `${folder} is not there yet; the first start makes it`,
			},
		];
	}
	const writable = await access(folder, constants.W_OK | constants.X_OK).then(
		() => true,
		() => false,
	);
	const checks: Check[] = [
		writable
			? { name: 'data folder', status: 'ok', message: folder }
			: {
					name: 'data folder',
					status: 'problem',
					message: `${folder} cannot be written by this user`,
				},
	];
	checks.push(
		...(await checkPrivate(folder, 0o700)),
		...(await checkPrivate(join(folder, 'engine.key'), 0o600)),
	);
	return checks;
}

async function checkPrivate(path: string, wanted: number): Promise<Check[]> {
	const info = await stat(path).catch(() => null);
	if (info === null || process.platform === 'win32') return [];
	const mode = info.mode & 0o777;
	if ((mode & 0o077) === 0)
		return [{ name: 'permissions', status: 'ok', message: `${path} is its owner's alone` }];
	return [
		{
			name: 'permissions',
			status: 'problem',
			message: `${path} has mode 0${mode.toString(8)}: others on this machine may look into it`,
			mend: `chmod 0${wanted.toString(8)} ${path}`,
		},
	];
}

const LITTLE = 2e9;
const TOO_LITTLE = 200e6;

export async function checkDisk(folder: string): Promise<Check> {
	const { bavail, bsize } = await statfs(await existing(folder));
	const free = bavail * bsize;
	const message = `${(free / 1e9).toFixed(1)} GB free`;
	if (free >= LITTLE) return { name: 'disk', status: 'ok', message };
	return {
		name: 'disk',
		status: free >= TOO_LITTLE ? 'notice' : 'problem',
		message,
		mend: 'Make room, or let less be kept: CAPSCHEDULER_RETENTION_RESULTS.',
	};
}

/** The folder, or the nearest one above it that is there. */
async function existing(folder: string): Promise<string> {
	const there = await stat(folder).then(
		() => true,
		() => false,
	);
	return there || dirname(folder) === folder ? folder : existing(dirname(folder));
}

const AHEAD = 60_000;

/** A clock that went back would make due what is done, so the files' times must not lie ahead of it. */
export async function checkClock(folder: string): Promise<Check> {
	const now = systemClock.now();
	const info = await stat(join(folder, 'engine.pid'))
		.catch(() => stat(folder))
		.catch(() => null);
	if (info !== null && info.mtimeMs > now + AHEAD) {
		return {
			name: 'clock',
			status: 'problem',
			message: `it is ${toIso(now)}, but the data was written at ${toIso(info.mtimeMs)}`,
			mend: 'Set the clock of this machine; have it kept by NTP.',
		};
	}
	return { name: 'clock', status: 'ok', message: toIso(now) };
}
