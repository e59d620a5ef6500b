import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificate.ts';
import { goProgram } from './go-program.ts';
import { freePort, killTree, startServer } from './process.ts';
import { mountSmallDisk } from './small-disk.ts';
import type { ObjectStore } from './versitygw.ts';
import { ACCESS_KEY, SECRET_KEY } from './versitygw.ts';

const COMMAND = 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c';

/**
 * MinIO over TLS in a temporary folder, with a key for encryption at rest.
 * @param megabytes of its disk; as much as there is unless given
 */
export async function startMinio({ megabytes }: { megabytes?: number } = {}): Promise<
	ObjectStore & { cert: string; unfinished(): Promise<string[]> }
> {
	const program = await goProgram('minio', COMMAND);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-minio-'));
	const [data, certs] = [join(folder, 'data'), join(folder, 'certs')];
	await mkdir(data);
	const unmount = megabytes === undefined ? undefined : await mountSmallDisk(data, megabytes);
	await mkdir(certs);
	const { key, cert } = await makeCertificate(folder);
	await copyFile(cert, join(certs, 'public.crt'));
	await copyFile(key, join(certs, 'private.key'));
	const port = await freePort();
	const env = {
		...process.env,
		HOME: folder,
		MINIO_ROOT_USER: ACCESS_KEY,
		MINIO_ROOT_PASSWORD: SECRET_KEY,
		MINIO_KMS_SECRET_KEY: `reports:${randomBytes(32).toString('base64')}`,
		MINIO_BROWSER: 'off',
		MINIO_UPDATE: 'off',
	};
	const parameters = ['server', '--quiet', '--address', `127.0.0.1:${port}`];
	parameters.push('--certs-dir', certs, data);
	let child: ChildProcess | undefined;
	const server = {
		port,
		cert,
		async unfinished() {
			const multipart = join(data, '.minio.sys', 'multipart');
			const objects = await readdir(multipart).catch(() => []);
			const uploads = objects.map(async (name) => readdir(join(multipart, name)));
			return (await Promise.all(uploads)).flat();
		},
		async start() {
			if (child?.exitCode === null && child.signalCode === null) return;
			child = await startServer(program, parameters, { port, env });
		},
		async kill() {
			if (child) await killTree(child);
		},
		async stop() {
			await server.kill();
			await unmount?.();
			await rm(folder, { recursive: true, force: true });
		},
	};
	await server.start();
	return server;
}
