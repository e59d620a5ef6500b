import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { ensureInstalled, freePort, run, startServer, stopServer } from './process.ts';

const CACHE =
	process.env['CAPSCHEDULER_TEST_CACHE'] ??
	join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'capscheduler-test');
const SOURCES = join(import.meta.dirname, 'mongo');

export interface MongoServer {
	/** `mongodb://…`, without a database. */
	url: string;
	/** What it is, for the report of a test. */
	name: string;
	/** Whether it is a real MongoDB, which can show more. */
	real: boolean;
	/** Null for one that somebody else runs. */
	pid: number | null;
	stop(): Promise<void>;
}

/** What mongo-java-server lacks, and so no test against it can show. */
const NOT_SHOWN =
	'durability (it keeps everything in memory), write and read concerns, failover, retryable writes, ' +
	'transactions, change streams, partial indexes, sharding, and which index a query uses (no explain)';

/** The MongoDB of `CAPSCHEDULER_TEST_MONGO_URL`, or else an in-memory server of its protocol, made at first use. */
export async function startMongo(): Promise<MongoServer> {
	const given = process.env['CAPSCHEDULER_TEST_MONGO_URL'];
	if (given !== undefined && given !== '') {
		const name = 'the MongoDB of CAPSCHEDULER_TEST_MONGO_URL';
		say(`on ${name}`);
		return { url: given, name, real: true, pid: null, stop: () => Promise.resolve() };
	}
	const folder = await built();
	const port = await freePort();
	const parameters = ['-Xmx512m', '-XX:+UseSerialGC', '-cp', `${folder}/classes:${folder}/libs/*`];
	const child = await startServer('java', [...parameters, 'Server', String(port)], { port });
	const name = 'mongo-java-server 1.47 (the MongoDB protocol, in memory)';
	say(`on ${name}, which cannot show: ${NOT_SHOWN}`);
	return {
		url: `mongodb://127.0.0.1:${port}`,
		name,
		real: false,
		pid: child.pid ?? null,
		stop: async () => stopServer(child, 'SIGKILL'),
	};
}

/** The URL of a new database on it. */
export function databaseUrl({ url }: Pick<MongoServer, 'url'>): string {
	const name = `capscheduler-test-${randomUUID().slice(0, 8)}`;
	const [, address = '', , query = ''] = /^([^?]*?:\/\/[^/?]*)(\/[^?]*)?(\?.*)?$/.exec(url) ?? [];
	return `${address}/${name}${query}`;
}

function say(text: string): void {
	process.stderr.write(`MongoDB store: these tests ran ${text}\n`);
}

/** Brings the server's libraries and compiles its main class, once. @returns the folder */
async function built(): Promise<string> {
	const folder = join(CACHE, 'mongo-java-server');
	const sources = ['pom.xml', 'Server.java'];
	const texts = sources.map(async (name) => readFile(join(SOURCES, name), 'utf8'));
	const wanted = (await Promise.all(texts)).join('\n');
	const mark = join(folder, 'built-from.txt');
	// written last: what was left half made is made anew
	if ((await readFile(mark, 'utf8').catch(() => null)) === wanted) return folder;
	await ensureInstalled('/usr/bin/javac', 'openjdk-17-jdk-headless');
	await ensureInstalled('/usr/bin/mvn', 'maven');
	await rm(folder, { recursive: true, force: true });
	await mkdir(folder, { recursive: true });
	for (const name of sources) await copyFile(join(SOURCES, name), join(folder, name));
	const libraries = ['-DincludeScope=runtime', `-DoutputDirectory=${folder}/libs`];
	const pom = ['-q', '-B', '-f', join(folder, 'pom.xml')];
	await run('mvn', [...pom, 'dependency:copy-dependencies', ...libraries]);
	const target = ['-cp', `${folder}/libs/*`, '-d', `${folder}/classes`];
	await run('javac', [...target, join(folder, 'Server.java')]);
	await writeFile(mark, wanted);
	return folder;
}
