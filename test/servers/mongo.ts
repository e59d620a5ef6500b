import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CACHE } from './cache.ts';
import { ensureInstalled, freePort, run, startServer, stopServer } from './process.ts';
import { pythonEnv } from './python-env.ts';

const SOURCES = join(import.meta.dirname, 'mongo');

export interface MongoServer {
	/** `mongodb://…`, without a database. */
	url: string;
	/** What it is, for the report of a test. */
	name: string;
	/** Null for one that somebody else runs. */
	pid: number | null;
	stop(): Promise<void>;
}

/** One that keeps its data on a disk, and so can be killed. */
export interface DurableMongoServer extends MongoServer {
	port: number;
	/** Kills it without a word (SIGKILL). */
	kill(): Promise<void>;
	/** Starts it again on the same data and the same port. */
	restart(): Promise<void>;
}

/**
 * `wiredtiger` is SecantusDB: the commands of MongoDB 8 over the storage engine of MongoDB, on one node that says it is
 * the primary of a replica set; it has transactions, change streams and `explain`, and keeps what it
 * acknowledged when it is killed. `memory` is mongo-java-server: another implementation, fast, and without all of that.
 */
export type MongoKind = 'wiredtiger' | 'memory';

/** What no test against them can show. */
const NOT_SHOWN: Record<MongoKind, string> = {
	wiredtiger: 'elections, write and read concerns of several members, sharding',
	memory:
		'durability (it keeps everything in memory), write and read concerns, failover, retryable writes, ' +
		'transactions, change streams, partial indexes, sharding, and which index a query uses (no explain)',
};

/** The MongoDB of `CAPSCHEDULER_TEST_MONGO_URL`, when there is one. */
export function givenMongo(): MongoServer | null {
	const url = process.env['CAPSCHEDULER_TEST_MONGO_URL'];
	if (url === undefined || url === '') return null;
	const name = 'the MongoDB of CAPSCHEDULER_TEST_MONGO_URL';
	say(`on ${name}`);
	return { url, name, pid: null, stop: () => Promise.resolve() };
}

/** The kinds that a suite runs on: a given MongoDB is one of them all. */
export const MONGO_KINDS: readonly MongoKind[] =
	(process.env['CAPSCHEDULER_TEST_MONGO_URL'] ?? '') === ''
		? ['wiredtiger', 'memory']
		: ['wiredtiger'];

/** The MongoDB of `CAPSCHEDULER_TEST_MONGO_URL`, or else a server of its protocol, made at first use. */
export async function startMongo(kind: MongoKind): Promise<MongoServer> {
	const given = givenMongo();
	if (given !== null) return given;
	return kind === 'wiredtiger' ? startDurableMongo() : startJava();
}

/** @param options.sync false where no test asks what a loss of power takes: much faster */
export async function startDurableMongo({ sync = false } = {}): Promise<DurableMongoServer> {
	const programs = await pythonEnv('secantusdb', ['secantusdb==0.7.0b3']);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-mongo-'));
	const port = await freePort();
	const parameters = ['--port', `${port}`, '--storage-path', folder, '--log-level', 'ERROR'];
	if (sync) parameters.push('--sync-on-commit');
	const start = async (): Promise<ChildProcess> =>
		startServer(join(programs, 'secantusd-py'), parameters, { port });
	let child = await start();
	const name = 'SecantusDB 0.7 (the MongoDB protocol, on WiredTiger)';
	say(`on ${name}, which cannot show: ${NOT_SHOWN.wiredtiger}`);
	return {
		url: `mongodb://127.0.0.1:${port}`,
		name,
		port,
		pid: child.pid ?? null,
		kill: async () => stopServer(child, 'SIGKILL'),
		async restart() {
			child = await start();
		},
		async stop() {
			await stopServer(child, 'SIGKILL');
			await rm(folder, { recursive: true, force: true });
		},
	};
}

async function startJava(): Promise<MongoServer> {
	const folder = await built();
	const port = await freePort();
	const parameters = ['-Xmx512m', '-XX:+UseSerialGC', '-cp', `${folder}/classes:${folder}/libs/*`];
	const child = await startServer('java', [...parameters, 'Server', String(port)], { port });
	const name = 'mongo-java-server 1.47 (the MongoDB protocol, in memory)';
	say(`on ${name}, which cannot show: ${NOT_SHOWN.memory}`);
	return {
		url: `mongodb://127.0.0.1:${port}`,
		name,
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
