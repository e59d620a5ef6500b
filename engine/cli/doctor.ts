import { styleText } from 'node:util';

import { ConfigError, loadConfig } from '../config.ts';
import type { Config } from '../config.ts';
import type { Globals } from './arguments.ts';
import type { Check } from './doctor-check.ts';
import { checkClock, checkDisk, checkFolder, checkNode, checkPlaces } from './doctor-machine.ts';
import { checkStore } from './doctor-store.ts';
import { EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { faint, progress, say, sayJson } from './terminal.ts';

export interface DoctorOptions extends Globals {
	repair?: boolean;
}

/** Looks at everything, from the machine to the rows of the store; changes nothing unless it is told to repair. */
export async function doctor({ json, repair = false }: DoctorOptions): Promise<ExitCode> {
	const end = progress(() => (repair ? 'looking and mending' : 'looking'));
	const checks = await allChecks(repair).finally(end);
	const worst = checks.some(({ status }) => status === 'problem') ? EXIT.failed : EXIT.ok;
	if (json === true) sayJson({ ok: worst === EXIT.ok, checks });
	else for (const check of checks) sayCheck(check);
	return worst;
}

async function allChecks(repair: boolean): Promise<Check[]> {
	const node = checkNode();
	let config: Config;
	try {
		config = loadConfig();
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		const wrong = error.problems.map(({ name, expected, received }): Check => {
			const came = received === undefined ? '' : `, got ${received}`;
			return {
				name: 'settings',
				status: 'problem',
				message: `${name}: expected ${expected}${came}`,
			};
		});
		return [node, ...wrong];
	}
	const settings: Check = {
		name: 'settings',
		status: 'ok',
		message: config.production
			? 'good; others can reach the engine'
			: 'good; for this machine only',
	};
	return [
		node,
		settings,
		...(await checkPlaces(config)),
		...(await checkFolder(config.dataDir)),
		await checkDisk(config.dataDir),
		await checkClock(config.dataDir),
		...(await checkStore(config, repair)),
	];
}

const MARKS = {
	ok: () => styleText('green', 'ok     ', { stream: process.stdout }),
	mended: () => styleText('green', 'mended ', { stream: process.stdout }),
	notice: () => styleText('yellow', 'notice ', { stream: process.stdout }),
	problem: () => styleText('red', 'problem', { stream: process.stdout }),
} as const satisfies Record<Check['status'], () => string>;

function sayCheck({ name, status, message, mend }: Check): void {
	say(`${MARKS[status]()}  ${name.padEnd(12)}  ${message}`);
	if (mend !== undefined) say(faint(`${' '.repeat(23)}${mend}`));
}
