import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { CACHE } from './cache.ts';
import { makeCertificate } from './certificate.ts';
import { goProgram } from './go-program.ts';
import { freePort, killTree, startServer } from './process.ts';

const COMMAND = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
export const ACCESS_KEY = 'capscheduler';
export const SECRET_KEY = 'correct-horse-9';
export const BUCKET = 'reports';

export interface ObjectStore {
	port: number;
	kill(): Promise<void>;
	start(): Promise<void>;
	stop(): Promise<void>;
}

/** A gateway that keeps objects as files, so that what lies there is seen without S3. */
export async function startVersitygw(): Promise<ObjectStore & { bucket: string; cert: string }> {
	const program = await goProgram('versitygw', COMMAND);
	// it keeps what it knows of objects in extended attributes, which a tmpfs may not have
	await mkdir(CACHE, { recursive: true });
	const folder = await mkdtemp(join(CACHE, 'versitygw-'));
	for (const name of ['data', 'iam', 'versions', join('data', BUCKET)]) {
		await mkdir(join(folder, name));
	}
	const { key, cert } = await makeCertificate(folder);
	const port = await freePort();
	const parameters = ['--quiet', '--access', ACCESS_KEY, '--secret', SECRET_KEY];
	parameters.push('--port', `127.0.0.1:${port}`, '--iam-dir', join(folder, 'iam'));
	parameters.push('--cert', cert, '--key', key);
	parameters.push('posix', '--versioning-dir', join(folder, 'versions'), join(folder, 'data'));
	let child: ChildProcess | undefined;
	const server = {
		port,
		cert,
		bucket: join(folder, 'data', BUCKET),
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
