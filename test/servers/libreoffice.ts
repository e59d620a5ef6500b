import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureInstalled, run } from './process.ts';

const PROGRAM = '/usr/bin/soffice';
/** Comma, quotes, UTF-8, all sheets, cells as they look. */
const AS_CSV = 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1';

export const installLibreOffice = (): Promise<void> =>
	ensureInstalled(PROGRAM, 'libreoffice-calc-nogui');

export interface SheetFile {
	name: string;
	bytes: Buffer;
}

export interface OpenedSheet {
	name: string;
	csv: string;
}

/** Opens a spreadsheet in LibreOffice and gives its sheets as CSV. */
export async function openInLibreOffice(file: SheetFile): Promise<OpenedSheet[]> {
	const base = `${file.name.replace(/\.[^.]+$/, '')}-`;
	return converted(file, { to: AS_CSV }, async (folder) =>
		Promise.all(
			(await readdir(folder)).map(async (name) => ({
				name: name.slice(base.length, -'.csv'.length),
				csv: await readFile(join(folder, name), 'utf8'),
			})),
		),
	);
}

/** Prints a spreadsheet with LibreOffice. @param env fonts, for example */
export async function printInLibreOffice(
	file: SheetFile,
	env: Readonly<Record<string, string>>,
): Promise<Buffer> {
	return converted(file, { to: 'pdf', env }, async (folder) => {
		const [name = ''] = await readdir(folder);
		return readFile(join(folder, name));
	});
}

/** @throws with what LibreOffice complained of */
async function converted<T>(
	{ name, bytes }: SheetFile,
	{ to, env = {} }: { to: string; env?: Readonly<Record<string, string>> },
	read: (folder: string) => Promise<T>,
): Promise<T> {
	await installLibreOffice();
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-office-'));
	try {
		const source = join(folder, name);
		await writeFile(source, bytes);
		const out = join(folder, 'out');
		const profile = `-env:UserInstallation=file://${join(folder, 'profile')}`;
		const said = await run(
			PROGRAM,
			[profile, '--headless', '--convert-to', to, '--outdir', out, source],
			{ env: { ...process.env, ...env } },
		);
		// that Java is missing is no matter of the file
		const complaints = said.split('\n').filter((line) => /warn|error|corrupt/i.test(line));
		const own = complaints.filter((line) => !line.includes('javaldx'));
		if (own.length > 0) throw new Error(own.join('\n'));
		return await read(out);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}
