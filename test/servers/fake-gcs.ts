import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificate.ts';
import { goProgram } from './go-program.ts';
import { freePort, killTree, startServer } from './process.ts';

const COMMAND = 'github.com/fsouza/fake-gcs-server@v1.56.1';

export interface GoogleStorage {
	port: number;
	/** Of its certificate, which is its own authority, PEM. */
	ca: string;
	key: string;
	kill(): Promise<void>;
	/** After a `kill` it is empty. */
	start(): Promise<void>;
	stop(): Promise<void>;
}

/** fake-gcs-server over TLS, in memory. It asks nobody for a token. */
export async function startFakeGcs(): Promise<GoogleStorage> {
	const program = await goProgram('fake-gcs', COMMAND);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-gcs-'));
	const { key, cert } = await makeCertificate(folder);
	const port = await freePort();
	const parameters = ['-backend', 'memory', '-host', '127.0.0.1', '-port', String(port)];
	parameters.push('-cert-location', cert, '-private-key-location', key, '-log-level', 'error');
	parameters.push('-public-host', `127.0.0.1:${port}`);
	let child: ChildProcess | undefined;
	const server: GoogleStorage = {
		port,
		ca: await readFile(cert, 'utf8'),
		key: await readFile(key, 'utf8'),
		async start() {
			if (child?.exitCode === null && child.signalCode === null) return;
			child = await startServer(program, parameters, { port });
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
