import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureInstalled, freePort, startServer, stopServer } from './process.ts';

const HAPROXY = '/usr/sbin/haproxy';
const CONFIG = join(import.meta.dirname, '../../docs/examples/cluster/haproxy.cfg');

/**
 * HAProxy with the configuration that the docs give, in front of three engines; only addresses and the number of connections are others.
 * @param engines their URLs
 */
export async function startHaproxy(
	engines: readonly string[],
): Promise<{ url: string; stop(): Promise<void> }> {
	await ensureInstalled(HAPROXY, 'haproxy');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-haproxy-'));
	const port = await freePort();
	const given = await readFile(CONFIG, 'utf8');
	const own = engines.reduce(
		(text, url, n) => text.replace(` engine${n + 1}:7070`, ` ${new URL(url).host}`),
		// so many descriptors may not be had here
		given.replace('bind :8443', `bind 127.0.0.1:${port}`).replace('maxconn 4000', 'maxconn 200'),
	);
	const file = join(folder, 'haproxy.cfg');
	await writeFile(file, own);
	const child = await startServer(HAPROXY, ['-db', '-f', file], { port });
	return {
		url: `http://127.0.0.1:${port}`,
		async stop() {
			await stopServer(child, 'SIGTERM');
			await rm(folder, { recursive: true, force: true });
		},
	};
}
