import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from '@jest/globals';

import { darknessOf, difference } from '../support/picture.ts';
import { ensureInstalled } from './process.ts';
import { ask, type Shelf } from './readers.ts';

const FOLDER = fileURLToPath(new URL('../golden/', import.meta.url));
/** Where pictures go that are not as they were. */
const SEEN = fileURLToPath(new URL('../golden/seen/', import.meta.url));
const WRITES = process.env['CAPSCHEDULER_GOLDEN'] === 'write';
/**
 * Part of the squares. Drawn by cairo in place of poppler's own Splash, pages differ by 0.0002 to 0.0054;
 * where a column is missing or lines lie upon each other, by 0.015 and more.
 */
const TOLERATED = 0.006;

/** How far a picture is from the one that is kept. `CAPSCHEDULER_GOLDEN=write` keeps it instead: look at it. */
export async function distance(name: string, picture: Buffer): Promise<number> {
	const kept = join(FOLDER, `${name}.png`);
	if (WRITES) {
		await mkdir(dirname(kept), { recursive: true });
		await writeFile(kept, picture);
	}
	return difference(darknessOf(picture), darknessOf(await readFile(kept)));
}

export async function expectGolden(name: string, picture: Buffer): Promise<void> {
	const far = await distance(name, picture);
	if (far > TOLERATED) {
		await mkdir(SEEN, { recursive: true });
		await writeFile(join(SEEN, `${name}.png`), picture);
	}
	expect({ name, far, tolerated: far <= TOLERATED }).toEqual({ name, far, tolerated: true });
}

/** Of another report it has to be farther away than what is tolerated, by far. */
export async function expectNotGolden(name: string, picture: Buffer): Promise<void> {
	if (WRITES) return;
	expect(await distance(name, picture)).toBeGreaterThan(TOLERATED * 2);
}

/** Pages of a PDF as pictures, in grey and small: 45 pixels an inch. */
export async function pagesOf(
	shelf: Shelf,
	pdf: Buffer,
	numbers: readonly number[],
): Promise<Buffer[]> {
	const file = await shelf.put(pdf, 'pdf');
	return Promise.all(
		numbers.map(async (number) => {
			const [first, target] = [String(number), `${file}-${number}`];
			const { code, stderr } = await ask('pdftoppm', [
				...['-f', first, '-l', first, '-singlefile', '-r', '45', '-gray', '-png', file, target],
			]);
			expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
			return readFile(`${target}.png`);
		}),
	);
}

const FONTS = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf', 'DejaVuSansMono.ttf'];
const FONT_FOLDER = '/usr/share/fonts/truetype/dejavu';

/** Variables with which programs know these fonts and no others, whatever the machine has. */
export async function onlyDejaVu({ path }: Shelf): Promise<Readonly<Record<string, string>>> {
	await ensureInstalled(join(FONT_FOLDER, FONTS[0]!), 'fonts-dejavu-core');
	const folder = join(path, 'fonts');
	await mkdir(folder);
	for (const font of FONTS) await copyFile(join(FONT_FOLDER, font), join(folder, font));
	const file = join(path, 'fonts.conf');
	await writeFile(
		file,
		`<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}</dir><cachedir>${join(path, 'font-cache')}</cachedir></fontconfig>`,
	);
	return { FONTCONFIG_FILE: file };
}
