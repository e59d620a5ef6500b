import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureInstalled } from './process.ts';

/** Programs of Debian that read what the formats write, and the packages that bring them. */
const PACKAGES = {
	qpdf: 'qpdf',
	pdfinfo: 'poppler-utils',
	pdffonts: 'poppler-utils',
	pdftotext: 'poppler-utils',
	pdftoppm: 'poppler-utils',
	tidy: 'tidy',
	xmllint: 'libxml2-utils',
	'cmark-gfm': 'cmark-gfm',
	chromium: 'chromium',
} as const;

export type Reader = keyof typeof PACKAGES;

/** At first use they are fetched, one after the other. */
export const INSTALL_MS = 900_000;

export async function installReaders(...readers: readonly Reader[]): Promise<void> {
	for (const reader of readers) await ensureInstalled(`/usr/bin/${reader}`, PACKAGES[reader]);
}

export interface Said {
	code: number;
	stdout: string;
	stderr: string;
}

/** Runs one of them to its end, whatever it says. */
export function ask(reader: Reader, parameters: readonly string[]): Promise<Said> {
	return new Promise((resolve, reject) => {
		const options = { maxBuffer: 500_000_000, env: { ...process.env, LC_ALL: 'C.UTF-8' } };
		execFile(`/usr/bin/${reader}`, parameters, options, (error, stdout, stderr) => {
			if (error && typeof error.code !== 'number')
				reject(new Error(error.message, { cause: error }));
			else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
		});
	});
}

/** A folder for the files of one suite. */
export class Shelf {
	readonly path: string;
	#count = 0;

	private constructor(path: string) {
		this.path = path;
	}

	static async make(): Promise<Shelf> {
		return new Shelf(await mkdtemp(join(tmpdir(), 'capscheduler-readers-')));
	}

	/** @returns the path of a new file */
	async put(bytes: Uint8Array, extension: string): Promise<string> {
		const file = join(this.path, `${++this.#count}.${extension}`);
		await writeFile(file, bytes);
		return file;
	}

	clear(): Promise<void> {
		return rm(this.path, { recursive: true, force: true });
	}
}
