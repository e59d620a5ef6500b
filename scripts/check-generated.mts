/** Is what is generated (docs/openapi.json, docs/configuration.md, the nodes' output schemas) what the code says? */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const GENERATOR = 'engine/scripts/generate-docs.ts';

if (existsSync(GENERATOR)) {
	const { status } = spawnSync(process.execPath, [GENERATOR, '--check'], { stdio: 'inherit' });
	const nodes = spawnSync(process.execPath, ['scripts/n8n-schemas.mts', '--check'], {
		stdio: 'inherit',
	});
	process.exitCode = status === 0 ? (nodes.status ?? 1) : (status ?? 1);
} else {
	console.log(`note: ${GENERATOR} does not exist yet, nothing to compare`);
}
