/**
 * Before the tests in the real n8n (Jest's globalSetup): installs n8n, builds and packs the nodes, and unpacks the
 * tarball for the tests to put where n8n looks for community packages.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from './chromium.mts';
import { n8nApp } from './n8n-app.mts';
import { packNodes } from './pack-nodes.mts';

export default function setup(): void {
	const app = n8nApp();
	const build = mkdtempSync(join(tmpdir(), 'capscheduler-n8n-'));
	process.on('exit', () => {
		rmSync(build, { recursive: true });
	});
	process.env['CAPSCHEDULER_N8N_APP'] = app;
	process.env['CAPSCHEDULER_CHROMIUM'] = chromium();
	process.env['CAPSCHEDULER_N8N_NODES'] = packNodes(build).folder;
}
