import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '../clock.ts';
import { loadConfig } from '../config.ts';
import { playDemo } from '../demo/story.ts';
import type { DemoEngine } from '../demo/story.ts';
import type { Globals } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { openEngine } from './open-engine.ts';
import { faint, say, sayJson, strong } from './terminal.ts';

/** Plays the demo with an engine of its own. Settings of the caller's environment play no part. */
export async function demo({ json }: Globals): Promise<ExitCode> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-demo-'));
	const steps: { seconds: number; what: string; detail: string | null }[] = [];
	if (json !== true)
		say(
			`${strong('CapScheduler demo')}: one month of weather, scheduled, run, formatted, delivered\n`,
		);
	try {
		const end = await playDemo({
			folder,
			clock: systemClock,
			startEngine,
			tell(seconds, what, detail) {
				if (json === true) steps.push({ seconds, what, detail: detail ?? null });
				else
					say(
						`${seconds.toFixed(2).padStart(6)} s  ${what.padEnd(22)} ${faint(detail ?? '')}`.trimEnd(),
					);
			},
		});
		if (json === true) sayJson({ ok: true, folder, steps, ...end });
		else say(ending(end.files, end.preview));
		return EXIT.ok;
	} catch (error) {
		throw new CliError(EXIT.failed, `the demo failed: ${(error as Error).message}`, {
			hint: `What it left is in ${folder}`,
			data: { folder, steps },
		});
	}
}

async function startEngine(folders: { data: string; files: string }): Promise<DemoEngine> {
	const config = loadConfig({
		CAPSCHEDULER_PORT: '0',
		CAPSCHEDULER_DATA_DIR: folders.data,
		CAPSCHEDULER_FILE_ROOTS: folders.files,
		CAPSCHEDULER_LOG: 'error',
	});
	const engine = await openEngine(config);
	const { url, firstKey } = engine;
	if (firstKey === null) throw new Error('a fresh data folder has a key already');
	return { url, key: firstKey, stop: () => engine.stop('the demo is over') };
}

function ending(files: readonly string[], preview: readonly string[]): string {
	return [
		'',
		...preview.map((line) => `  ${faint(line)}`),
		`  ${faint('…')}`,
		'',
		'All of it was real: HTTP, a database on disk, a signature checked by the package "standardwebhooks".',
		'Have a look; these files stay:',
		...files.map((file) => `  ${file}`),
		'',
		'Your own: npm start, then docs/getting-started.md',
	].join('\n');
}
