import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the counterparts build and install: outside of the checkout, and kept from run to run. */
export const CACHE =
	process.env['CAPSCHEDULER_TEST_CACHE'] ??
	join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'capscheduler-test');
