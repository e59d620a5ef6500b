/**
 * Before the tests of the nodes (Jest's globalSetup): installs n8n's core, builds and packs the nodes, and puts
 * them where they find n8n's modules.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { n8nTools } from './n8n-tools.mts';
import { packNodes } from './pack-nodes.mts';

export default function setup(): void {
	const tools = n8nTools();
	mkdirSync(join(tools, 'builds'), { recursive: true });
	const build = mkdtempSync(join(tools, 'builds', 'nodes-'));
	process.on('exit', () => {
		rmSync(build, { recursive: true });
	});
	const { folder } = packNodes(build);
	const place = join(build, 'node_modules', 'n8n-nodes-capscheduler');
	mkdirSync(join(build, 'node_modules'));
	renameSync(folder, place);
	process.env['CAPSCHEDULER_N8N_TOOLS'] = tools;
	process.env['CAPSCHEDULER_N8N_NODES'] = place;
}
