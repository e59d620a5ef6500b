import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startWire } from '../support/wire.ts';
import type { Wire } from '../support/wire.ts';
import { makeCertificate } from './certificate.ts';
import { mavenJars } from './maven.ts';
import { ensureInstalled, freePort, run, startServer, stopServer } from './process.ts';

const ARTIFACTS = ['org.apache.kafka:kafka_2.13:4.4.0', 'org.slf4j:slf4j-simple:1.7.36'];

export interface KafkaServer {
	/** Without TLS and login. */
	plain: string;
	/** TLS and login: `cap` by PLAIN and SCRAM, who may all; `limited` by SCRAM, who may nothing. Password `secret`. */
	secure: string;
	certFile: string;
	/** Leads to the broker by a wire that a test can cut; the broker tells clients to use it too. */
	wired: string;
	wire: Wire;
	/** The broker tells who comes here to go on to a machine of a private network. */
	evil: string;
	kill(): Promise<void>;
	restart(): Promise<void>;
	stop(): Promise<void>;
	/** What kcat, which shares nothing with the engine, reads: a line for each message. */
	read(topic: string, format: string): Promise<string[]>;
	/** SHA-256 of the value at that offset, by kcat. */
	hashAt(topic: string, partition: number, offset: string): Promise<string>;
}

/** One broker that is its own controller. */
export async function startKafka(): Promise<KafkaServer> {
	const jars = await mavenJars('kafka-4.4.0', ARTIFACTS);
	await ensureInstalled('/usr/bin/kcat', 'kcat');
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-kafka-'));
	const { key, cert } = await makeCertificate(folder);
	const store = join(folder, 'both.pem');
	await writeFile(store, `${await readFile(key, 'utf8')}${await readFile(cert, 'utf8')}`);
	const [plain, secure, wired, evil, controller] = await Promise.all(
		Array.from({ length: 5 }, freePort),
	);
	const wire = await startWire(wired!);
	const properties = join(folder, 'server.properties');
	const at = (name: string, port: number | undefined): string => `${name}://127.0.0.1:${port}`;
	const login = 'org.apache.kafka.common.security';
	const settings = {
		'process.roles': 'broker,controller',
		'node.id': '1',
		'controller.quorum.voters': `1@127.0.0.1:${controller}`,
		'controller.listener.names': 'CONTROLLER',
		'inter.broker.listener.name': 'PLAIN',
		listeners: [
			at('PLAIN', plain),
			at('SECURE', secure),
			at('WIRED', wired),
			at('EVIL', evil),
			at('CONTROLLER', controller),
		].join(),
		'advertised.listeners': [
			at('PLAIN', plain),
			at('SECURE', secure),
			at('WIRED', wire.port),
			`EVIL://10.255.255.1:${evil}`,
		].join(),
		'listener.security.protocol.map':
			'PLAIN:PLAINTEXT,SECURE:SASL_SSL,WIRED:PLAINTEXT,EVIL:PLAINTEXT,CONTROLLER:PLAINTEXT',
		'ssl.keystore.type': 'PEM',
		'ssl.keystore.location': store,
		'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
		'listener.name.secure.plain.sasl.jaas.config': `${login}.plain.PlainLoginModule required user_cap="secret";`,
		'listener.name.secure.scram-sha-256.sasl.jaas.config': `${login}.scram.ScramLoginModule required;`,
		'listener.name.secure.scram-sha-512.sasl.jaas.config': `${login}.scram.ScramLoginModule required;`,
		'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
		'super.users': 'User:ANONYMOUS;User:cap',
		'auto.create.topics.enable': 'false',
		'log.dirs': join(folder, 'data'),
		'offsets.topic.replication.factor': '1',
		'offsets.topic.num.partitions': '1',
		'transaction.state.log.replication.factor': '1',
		'transaction.state.log.min.isr': '1',
		'transaction.state.log.num.partitions': '1',
		'broker.session.timeout.ms': '1500',
		'broker.heartbeat.interval.ms': '300',
		'group.initial.rebalance.delay.ms': '0',
	};
	const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
	await writeFile(properties, lines.join('\n'));
	const java = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`];
	java.push('-Dorg.slf4j.simpleLogger.defaultLogLevel=error');
	const scram = ['256', '512'].flatMap((bits) =>
		['cap', 'limited'].flatMap((user) => [
			'--add-scram',
			`SCRAM-SHA-${bits}=[name=${user},password=secret]`,
		]),
	);
	const format = ['format', '-t', 'Y2Fwc2NoZWR1bGVyLXRlc3', '-c', properties, ...scram];
	await run('java', [...java, 'kafka.tools.StorageTool', ...format]);
	const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
	const start = async () =>
		startServer('java', [...java, 'kafka.Kafka', properties], { ...ids, port: plain! });
	let child = await start();
	const from = ['-C', '-q', '-e', '-b', `127.0.0.1:${plain}`];
	return {
		plain: `127.0.0.1:${plain}`,
		secure: `127.0.0.1:${secure}`,
		certFile: cert,
		wired: `127.0.0.1:${wire.port}`,
		wire,
		evil: `127.0.0.1:${evil}`,
		kill: async () => stopServer(child, 'SIGKILL'),
		async restart() {
			child = await start();
		},
		async stop() {
			await stopServer(child, 'SIGKILL');
			await wire.close();
			await rm(folder, { recursive: true, force: true });
		},
		async read(topic, shape) {
			const text = await run('kcat', [
				...from,
				'-t',
				topic,
				'-o',
				'beginning',
				'-f',
				`${shape}\\n`,
			]);
			return text === '' ? [] : text.trimEnd().split('\n');
		},
		async hashAt(topic, partition, offset) {
			const script = `kcat "$@" -f '%s' | sha256sum`;
			const one = ['-t', topic, '-p', `${partition}`, '-o', offset, '-c', '1'];
			return (await run('sh', ['-c', script, 'sh', ...from, ...one])).slice(0, 64);
		},
	};
}
