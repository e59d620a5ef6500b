/** The real n8n, installed from test/n8n/app's lockfile into the cache of the tests. */
import { compileSqliteAddon } from './sqlite-addon.mts';
import { installed } from './n8n-tools.mts';

/** @returns the folder whose node_modules has n8n */
export const n8nApp = (): string =>
	installed('test/n8n/app', {
		// n8n's own dependencies disagree about their peers
		flags: ['--legacy-peer-deps'],
		begin: () => {
			console.log(
				'n8n is not in the cache of the tests: installing it takes minutes and about 2.2 GB',
			);
		},
		finish: compileSqliteAddon,
	});
