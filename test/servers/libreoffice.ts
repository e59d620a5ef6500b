import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureInstalled, run } from './process.ts';

const PROGRAM = '/usr/bin/soffice';
/** Comma, quotes, UTF-8, all sheets, cells as they look. */
const AS_CSV = 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1';

export const installLibreOffice = (): Promise<void> =>
	ensureInstalled(PROGRAM, 'libreoffice-calc-nogui');

export interface OpenedSheet {
	name: string;
	csv: string;
}

/** Opens a spreadsheet in LibreOffice and gives its sheets as CSV. */
export async function openInLibreOffice(file: {
	name: string;
	bytes: Buffer;
}): Promise<OpenedSheet[]> {
	await installLibreOffice();
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-office-'));
	try {
		const source = join(folder, file.name);
		await writeFile(source, file.bytes);
		const out = join(folder, 'out');
		const profile = `-env:UserInstallation=file://${join(folder, 'profile')}`;
		const said = await run(PROGRAM, [
			...[profile, '--headless', '--convert-to', AS_CSV, '--outdir', out, source],
		]);
		// that Java is missing is no matter of the file
		const complaints = said.split('\n').filter((line) => /warn|error|corrupt/i.test(line));
		const own = complaints.filter((line) => !line.includes('javaldx'));
		if (own.length > 0) throw new Error(own.join('\n'));
		const base = `${file.name.replace(/\.[^.]+$/, '')}-`;
		const names = await readdir(out);
		return await Promise.all(
			names.map(async (name) => ({
				name: name.slice(base.length, -'.csv'.length),
				csv: await readFile(join(out, name), 'utf8'),
			})),
		);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}
