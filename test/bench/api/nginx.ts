import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { ensureInstalled, freePort, startServer, stopServer } from '../../servers/process.ts';

const NGINX = '/usr/sbin/nginx';

/** nginx with one process and `sendfile`: the system copies the file into the socket, which Node cannot ask it to. */
export async function serveByNginx(
	file: string,
): Promise<{ url: string; pid: number; stop(): Promise<void> }> {
	await ensureInstalled(NGINX, 'nginx-light');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-nginx-'));
	const port = await freePort();
	const config = join(folder, 'nginx.conf');
	await writeFile(
		config,
		`daemon off; master_process off; pid ${folder}/pid; error_log stderr;
		events {}
		http {
			access_log off; sendfile on; default_type application/octet-stream;
			client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
			fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
			server { listen 127.0.0.1:${port}; root ${dirname(file)}; }
		}
		`,
	);
	const child = await startServer(NGINX, ['-c', config, '-e', 'stderr'], { port });
	return {
		url: `http://127.0.0.1:${port}/${basename(file)}`,
		pid: child.pid ?? 0,
		async stop() {
			await stopServer(child, 'SIGTERM');
			await rm(folder, { recursive: true, force: true });
		},
	};
}
