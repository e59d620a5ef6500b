import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificate.ts';
import { emptyFolder } from './folder-contents.ts';
import { npmPackage } from './npm-program.ts';
import { freePort, killTree, startServer } from './process.ts';

export const ACCOUNT = 'acme';
export const CONTAINER = 'reports';

export interface AzureStorage {
	port: number;
	accountKey: string;
	/** Its certificate in PEM, which is its own authority. */
	ca: string;
	/** Of the certificate, PEM. */
	key: string;
	kill(): Promise<void>;
	/** After a `kill` it is empty. */
	start(): Promise<void>;
	stop(): Promise<void>;
}

/** The blob service of Azurite over TLS, kept in a temporary folder. It takes tokens by what they say, not by who signed. */
export async function startAzurite(): Promise<AzureStorage> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-azurite-'));
	const program = join(await npmPackage('azurite@3.37.0'), 'dist/src/blob/main.js');
	const data = join(folder, 'data');
	await mkdir(data);
	const { key, cert } = await makeCertificate(folder);
	const port = await freePort();
	const accountKey = randomBytes(64).toString('base64');
	const parameters = [program, '--blobHost', '127.0.0.1', '--blobPort', String(port)];
	parameters.push('--location', data, '--cert', cert, '--key', key, '--oauth', 'basic');
	parameters.push('--skipApiVersionCheck', '--disableTelemetry', '--silent');
	const env = { ...process.env, HOME: folder, AZURITE_ACCOUNTS: `${ACCOUNT}:${accountKey}` };
	let child: ChildProcess | undefined;
	const server: AzureStorage = {
		port,
		accountKey,
		ca: await readFile(cert, 'utf8'),
		key: await readFile(key, 'utf8'),
		async start() {
			if (child?.exitCode === null && child.signalCode === null) return;
			// it saves every few seconds what it did, and would come back as it was before
			await emptyFolder(data);
			child = await startServer(process.execPath, parameters, { port, env });
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
