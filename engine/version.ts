import { createRequire } from 'node:module';

/** From package.json, which lies one folder up in the sources and in the built package alike. */
const require = createRequire(import.meta.url);

function readVersion(): string {
	for (const path of ['./package.json', '../package.json']) {
		try {
			const manifest = require(path) as { name?: string; version?: string };
			if (manifest.name === 'capscheduler' && manifest.version !== undefined)
				return manifest.version;
		} catch {
			// the other one
		}
	}
	return '0.0.0';
}

export const VERSION = readVersion();
