/** Are the generated documents (docs/openapi.json, docs/configuration.md) what the code says? */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const GENERATOR = 'engine/scripts/generate-docs.ts';

if (existsSync(GENERATOR)) {
	const { status } = spawnSync(process.execPath, [GENERATOR, '--check'], { stdio: 'inherit' });
	process.exitCode = status ?? 1;
} else {
	console.log(`note: ${GENERATOR} does not exist yet, nothing to compare`);
}
