import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
}

export interface RunOptions {
	uid: number;
	gid: number;
	/** In the place of this process's. */
	env?: NodeJS.ProcessEnv;
}

/** Runs a command to its end. @throws with what it wrote when it fails */
export async function run(
	command: string,
	parameters: string[],
	options?: Partial<RunOptions>,
): Promise<string> {
	const child = spawn(command, parameters, { cwd: '/', ...options });
	let text = '';
	child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
	child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
	const [code] = (await once(child, 'close')) as [number | null];
	if (code !== 0) throw new Error(`${command} ended with ${code}: ${text.slice(-2000)}`);
	return text;
}

export interface ServerOptions extends Partial<RunOptions> {
	port: number;
	/** Default 127.0.0.1 */
	host?: string;
	/** Gets what it writes. */
	onLog?: (text: string) => void;
}

/** Starts a server that stays in the foreground and waits until it takes connections. */
export async function startServer(
	command: string,
	parameters: string[],
	{ port, host = '127.0.0.1', onLog, ...options }: ServerOptions,
): Promise<ChildProcess> {
	const child = spawn(command, parameters, {
		cwd: '/',
		stdio: ['ignore', 'pipe', 'pipe'],
		...options,
	});
	let log = '';
	for (const output of [child.stdout, child.stderr]) {
		output.on('data', (chunk: Buffer) => {
			log = (log + chunk.toString()).slice(-4000);
			onLog?.(chunk.toString());
		});
	}
	while (!(await answers(port, host))) {
		if (child.exitCode !== null || child.signalCode !== null) {
			throw new Error(`${command} ended: ${log}`);
		}
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return child;
}

/** Ends it by its process id, and waits until it is gone. */
export async function stopServer(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const gone = once(child, 'exit');
	child.kill(signal);
	await gone;
}

/** Of any process of the family, beside those that belong to it already. */
async function childrenOf(family: ReadonlySet<number>): Promise<number[]> {
	const rows = (await run('ps', ['-e', '-o', 'pid=,ppid='])).trim().split('\n');
	const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number));
	return pairs.flatMap(([pid = 0, parent = 0]) =>
		family.has(parent) && !family.has(pid) ? [pid] : [],
	);
}

/** To a process that may have gone. */
function signal(pid: number, name: NodeJS.Signals): void {
	try {
		process.kill(pid, name);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
	}
}

/** Ends a server with all that it forked for its connections, at once. */
export async function killTree(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
	const gone = once(child, 'exit');
	// All are stopped before the first dies: what still runs would fork more, or tell its client of the death.
	const family = new Set<number>();
	for (let found = [child.pid]; found.length > 0; found = await childrenOf(family)) {
		for (const pid of found) {
			family.add(pid);
			signal(pid, 'SIGSTOP');
		}
	}
	for (const pid of family) signal(pid, 'SIGKILL');
	await gone;
}

async function answers(port: number, host: string): Promise<boolean> {
	const socket = connect(port, host);
	try {
		await once(socket, 'connect');
		return true;
	} catch {
		return false;
	} finally {
		socket.destroy();
	}
}

/** Installs a Debian package unless the program, or file, is there. */
export async function ensureInstalled(file: string, debianPackage: string): Promise<void> {
	const found = await run('test', ['-e', file]).then(
		() => true,
		() => false,
	);
	if (found) return;
	// other installations on the machine are waited for
	const patient = ['-qq', '-o', 'DPkg::Lock::Timeout=300'];
	await run('apt-get', ['update', ...patient]);
	await run('apt-get', ['install', '-y', ...patient, '--no-install-recommends', debianPackage]);
}

/** The numbers of a system user. */
export async function userIds(name: string): Promise<RunOptions> {
	const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
	return { uid: Number(uid), gid: Number(gid) };
}
