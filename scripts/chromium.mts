/** Debian's Chromium, for the tests of n8n's editor: installed if it is not there. */
import { existsSync } from 'node:fs';

import { run } from './n8n-tools.mts';

const PLACE = '/usr/bin/chromium';

/** @returns the program */
export function chromium(): string {
	if (!existsSync(PLACE)) {
		console.log('there is no Chromium; installing the Debian package');
		run('apt-get', ['update', '-qq'], '/');
		run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], '/');
	}
	return PLACE;
}
