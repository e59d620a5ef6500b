import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificate.ts';
import { freePort, killTree, startServer } from './process.ts';
import { pythonEnv } from './python-env.ts';

const PACKAGES = ['wsgidav==4.4.0', 'cheroot==11.1.2'];
export const WEBDAV_USER = 'ada';
export const WEBDAV_PASSWORD = 'correct horse 9';

export interface WebdavServer {
	port: number;
	/** What the user sees as `/`. */
	root: string;
	/** Its certificate in PEM, which is its own authority. */
	ca: string;
	kill(): Promise<void>;
	start(): Promise<void>;
	stop(): Promise<void>;
}

/** WsgiDAV over TLS in a temporary folder, with one user. It asks for basic or for digest authentication. */
export async function startWsgidav({ auth }: { auth: 'basic' | 'digest' }): Promise<WebdavServer> {
	const programs = await pythonEnv('wsgidav', PACKAGES);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-webdav-'));
	const root = join(folder, 'root');
	await mkdir(root);
	const { key, cert } = await makeCertificate(folder);
	const port = await freePort();
	const config = join(folder, 'wsgidav.json');
	await writeFile(
		config,
		JSON.stringify({
			host: '127.0.0.1',
			port,
			server: 'cheroot',
			server_args: { numthreads: 20 },
			ssl_certificate: cert,
			ssl_private_key: key,
			ssl_adapter: 'builtin',
			provider_mapping: { '/': root },
			http_authenticator: {
				accept_basic: auth === 'basic',
				accept_digest: auth === 'digest',
				default_to_digest: auth === 'digest',
			},
			simple_dc: { user_mapping: { '*': { [WEBDAV_USER]: { password: WEBDAV_PASSWORD } } } },
			property_manager: null,
			lock_storage: true,
			dir_browser: { enable: false },
			logging: { enable: false },
			verbose: 1,
		}),
	);
	let child: ChildProcess | undefined;
	const server: WebdavServer = {
		port,
		root,
		ca: await readFile(cert, 'utf8'),
		async start() {
			if (child?.exitCode === null && child.signalCode === null) return;
			child = await startServer(join(programs, 'wsgidav'), ['--config', config], { port });
			// it takes connections a moment before it serves them
			while (!(await serves(port, server.ca))) {
				await new Promise((resolve) => setTimeout(resolve, 50));
			}
		},
		async kill() {
			if (child) await killTree(child);
		},
		async stop() {
			await server.kill();
			await rm(folder, { recursive: true, force: true });
		},
	};
	await server.start();
	return server;
}

/** Whether a request gets an answer, whichever. */
async function serves(port: number, ca: string): Promise<boolean> {
	const asked = request({ host: '127.0.0.1', port, ca, method: 'OPTIONS', agent: false }).end();
	try {
		await once(asked, 'response');
		return true;
	} catch {
		return false;
	} finally {
		asked.destroy();
	}
}
