import { ensureInstalled, freePort, startServer, stopServer, userIds } from './process.ts';

const SERVER = '/usr/bin/redis-server';

/** A Redis of its own that keeps nothing, without a password. */
export async function startRedis(): Promise<{ port: number; stop(): Promise<void> }> {
	await ensureInstalled(SERVER, 'redis-server');
	const port = await freePort();
	const parameters = [
		'--port',
		`${port}`,
		'--bind',
		'127.0.0.1',
		'--save',
		'',
		'--appendonly',
		'no',
	];
	const child = await startServer(SERVER, parameters, { ...(await userIds('nobody')), port });
	return { port, stop: () => stopServer(child, 'SIGTERM') };
}
