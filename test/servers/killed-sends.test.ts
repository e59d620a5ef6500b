import { afterAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { readFile } from 'node:fs/promises';
import pg from 'pg';

import type { Body } from '../support/api.ts';
import { killEngines } from '../support/engine-process.ts';
import { killAroundSends } from '../support/killed-sends.ts';
import { contentsOf } from './folder-contents.ts';
import { startKafka } from './kafka.ts';
import { startMailpit } from './mailpit.ts';
import { startPostgres } from './postgres.ts';
import { SSH_PASSWORD, SSH_USER, startSshd } from './sshd.ts';
import { ACCESS_KEY, BUCKET, SECRET_KEY, startVersitygw } from './versitygw.ts';
import { FTP_PASSWORD, FTP_USER, startVsftpd } from './vsftpd.ts';

/* As test/guarantees/killed-sends.test.ts, against the servers that channels are for. */

interface Place {
	target: Record<string, unknown>;
	/** What lies there, and whether the repeat was harmless. */
	look(delivery: Body): Promise<void>;
	stop(): Promise<void>;
	/** Where engines are killed, unless before the send and after it. */
	at?: readonly string[];
	/** Called after the first death, the second … */
	died?(times: number): Promise<void>;
}

const NAMED = { format: 'csv', filename: 'rows.csv' };
/** One file of that name with these bytes, and no other. */
async function onlyFile(folder: string, { artifact }: Body): Promise<void> {
	const found = await contentsOf(folder);
	const files = found.filter(({ path }) => !path.startsWith('.sgwtmp'));
	expect(files.map(({ path, sha256 }) => [path, sha256])).toEqual([['rows.csv', artifact.sha256]]);
}

const PLACES: Record<string, () => Promise<Place>> = {
	async ftp() {
		const { host, port, root, stop } = await startVsftpd({ tls: 'none' });
		const login = { host, port, user: FTP_USER, password: FTP_PASSWORD, tls: 'none' };
		const sidecars = { checksums: ['sha256', 'md5'], manifest: true, done: true };
		const target = { channel: 'ftp', settings: login, ...NAMED, sidecars };
		const names = async (): Promise<string[]> =>
			(await contentsOf(root)).map(({ path }) => path).sort();
		const beside = ['', '.manifest.json', '.md5', '.sha256'].map((one) => `rows.csv${one}`);
		return {
			target,
			at: ['deliver.after:1', 'deliver.after:4'],
			/** No marker before all else is there. */
			async died(times) {
				expect(await names()).toEqual(times === 1 ? ['rows.csv'] : beside);
			},
			async look({ artifact, receipt }) {
				const found = await contentsOf(root);
				expect(found.map(({ path }) => path).sort()).toEqual([...beside, 'rows.csv.done'].sort());
				expect(found.find(({ path }) => path === 'rows.csv')?.sha256).toBe(artifact.sha256);
				const told = (receipt.files as Body[]).map(({ name, sha256 }) => [name, sha256]);
				expect(told.sort()).toEqual(found.map(({ path, sha256 }) => [path, sha256]).sort());
			},
			stop,
		};
	},
	async sftp() {
		const { port, root, hostKeys, stop } = await startSshd();
		const login = { host: '127.0.0.1', port, user: SSH_USER, password: SSH_PASSWORD };
		const settings = { ...login, hostKey: hostKeys.ed25519.line, folder: root };
		const target = { channel: 'sftp', settings, ...NAMED };
		return { target, look: async (delivery) => onlyFile(root, delivery), stop };
	},
	async s3() {
		const { port, bucket, cert, stop } = await startVersitygw();
		const keys = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
		const settings = {
			...{ bucket: BUCKET, endpoint: `https://127.0.0.1:${port}`, pathStyle: true },
			...{ ...keys, ca: await readFile(cert, 'utf8') },
		};
		const target = { channel: 's3', settings, ...NAMED };
		return { target, look: async (delivery) => onlyFile(bucket, delivery), stop };
	},
	async kafka() {
		const server = await startKafka();
		const brokers = [server.plain];
		const { logLevel } = kafkajs;
		const client = new kafkajs.Kafka({
			brokers,
			logLevel: logLevel.NOTHING,
			retry: { retries: 20 },
		});
		const admin = client.admin();
		await admin.connect();
		const topic = 'reports';
		const topics = [{ topic, numPartitions: 1, replicationFactor: 1 }];
		await admin.createTopics({ waitForLeaders: true, topics });
		await admin.disconnect();
		const settings = { brokers, tls: false, topic, content: 'rows' };
		return {
			target: { channel: 'kafka', settings, format: 'ndjson' },
			async look({ id, receipt }) {
				// twice, each time as the same rows of the same delivery
				const lines = await server.read(topic, '%h %s');
				expect(lines).toHaveLength(4);
				for (const line of lines) expect(line).toContain(`capscheduler-delivery=${id}`);
				for (const row of [1, 2]) {
					const same = lines.filter((line) =>
						new RegExp(`\\bcapscheduler-row=${row}\\b`).test(line),
					);
					expect([same.length, new Set(same).size]).toEqual([2, 1]);
				}
				expect(receipt.remote).toMatchObject({ messages: 2, partitions: { 0: '2' } });
			},
			stop: server.stop,
		};
	},
	async email() {
		const server = await startMailpit();
		const ca = await readFile(server.certFile, 'utf8');
		const login = { host: '127.0.0.1', port: server.port, ca, user: 'cap', password: 'secret' };
		const mail = { from: 'reports@example.org', to: ['ada@example.org'], file: 'attach' };
		return {
			target: { channel: 'email', settings: { ...login, ...mail }, ...NAMED },
			async look({ receipt }) {
				const mails = await server.messages();
				// two, that readers and many servers know to be one
				expect(mails).toHaveLength(2);
				const ids = new Set(mails.map(({ MessageID }) => `<${MessageID}>`));
				expect([...ids]).toEqual([receipt.remote.messageId]);
			},
			stop: server.stop,
		};
	},
	async database() {
		const server = await startPostgres();
		const login = { host: '127.0.0.1', port: server.port, user: 'postgres', database: 'postgres' };
		const client = new pg.Client({ ...login, password: 'secret' });
		await client.connect();
		await client.query('CREATE TABLE sales (id int, name text)');
		const settings = {
			driver: 'postgres',
			...login,
			password: 'secret',
			tls: false,
			table: 'sales',
		};
		return {
			target: { channel: 'database', settings, format: 'ndjson' },
			async look({ receipt }) {
				const { rows } = await client.query('SELECT id, name FROM sales ORDER BY id');
				expect(rows).toEqual([
					{ id: 1, name: 'a' },
					{ id: 2, name: 'b' },
				]);
				expect(receipt.remote).toMatchObject({ rows: 2, repeated: true });
			},
			async stop() {
				await client.end();
				await server.stop();
			},
		};
	},
};

afterAll(killEngines);

describe('a delivery whose engine was killed before a send, and after one', () => {
	it.each(Object.keys(PLACES))(
		'by %s is there once',
		async (name) => {
			const place = await PLACES[name]!();
			try {
				let times = 0;
				const look = async (): Promise<void> => place.died?.((times += 1));
				const { delivery } = await killAroundSends(place.target, {}, { at: place.at, look });
				expect(delivery).toMatchObject({ state: 'delivered', attempt: 3 });
				await place.look(delivery);
			} finally {
				await place.stop();
			}
		},
		900_000,
	);
});
