/** The client library alone, in a loop: what the engine's deliveries are compared with. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

import type { Producer } from 'kafkajs';
import type { Transporter } from 'nodemailer';

import { hear, read, tell } from '../talk.ts';
import { payload, type ChannelJob } from './job.ts';

type Login = Record<
	'host' | 'port' | 'user' | 'password' | 'ca' | 'folder' | 'from' | 'to',
	string
>;
type Source = ReturnType<typeof payload>;
/** Opens what one of the parallel loops needs; it sends one file. */
type Client = (job: ChannelJob) => Promise<(name: string, source: Source) => Promise<void>>;

const CLIENTS: Record<string, Client> = {
	/** As durable as the channel: synced under another name, then renamed, and the folder synced. */
	file: async ({ server }) => {
		const folder = await open(server['folder']!, 'r');
		return async (name, source) => {
			const path = join(server['folder']!, name);
			const file = await open(`${path}.part`, 'wx');
			await file.writeFile(source);
			await file.sync();
			await file.close();
			await rename(`${path}.part`, path);
			await folder.sync();
		};
	},
	async webhook({ server, parallel }) {
		const { Agent } = await import('undici');
		const agent = (shared ??= new Agent({ connections: parallel, pipelining: 1 }));
		return async (name, source) => {
			const { statusCode, body } = await (agent as InstanceType<typeof Agent>).request({
				origin: server['url']!,
				path: '/',
				method: 'POST',
				headers: { 'content-type': 'application/octet-stream', 'idempotency-key': name },
				body: source instanceof Uint8Array ? source : Readable.from(source, { objectMode: false }),
			});
			await body.dump();
			if (statusCode !== 200) throw new Error(`${statusCode}`);
		};
	},
	async ftp({ server }) {
		const { Client } = await import('basic-ftp');
		const client = new Client();
		const { host, port, user, password } = server as Login;
		await client.access({ host, port: Number(port), user, password });
		return async (name, source) => {
			await client.uploadFrom(streamOf(source), name);
		};
	},
	async sftp({ server }) {
		const { default: ssh2 } = await import('ssh2');
		const client = new ssh2.Client();
		const { host, port, user: username, password, folder } = server as Login;
		client.connect({ host, port: Number(port), username, password });
		await once(client, 'ready');
		const sftp = await promisify(client.sftp.bind(client))();
		return (name, source) =>
			pipeline(streamOf(source), sftp.createWriteStream(`${folder}/${name}`));
	},
	async s3({ server, parallel, bytes }) {
		const { S3Client, PutObjectCommand } = await import('@aws-sdk/client-s3');
		const { Agent } = await import('node:https');
		const { bucket, endpoint, ca, accessKeyId, secretAccessKey } = server;
		const client = (shared ??= new S3Client({
			endpoint: endpoint!,
			region: 'us-east-1',
			forcePathStyle: true,
			credentials: { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! },
			requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true, maxSockets: parallel }) },
		})) as InstanceType<typeof S3Client>;
		return async (name, source) => {
			const Body = source instanceof Uint8Array ? source : streamOf(source);
			const about = { Bucket: bucket!, Key: name, ContentLength: bytes };
			await client.send(new PutObjectCommand({ ...about, Body }));
		};
	},
	/** One transaction each: what was loaded, and its row. */
	async database({ server }) {
		const { default: pg } = await import('pg');
		const { host, port, user, password, database } = server;
		const client = new pg.Client({ host, port: Number(port), user, password, database });
		await client.connect();
		return async (name, source) => {
			await client.query('BEGIN');
			await client.query('INSERT INTO loads (load_id) VALUES ($1)', [name]);
			await client.query('INSERT INTO loaded (text) VALUES ($1)', [
				Buffer.from(source as Uint8Array).toString('latin1'),
			]);
			await client.query('COMMIT');
		};
	},
	async email({ server, parallel }) {
		const { createTransport } = await import('nodemailer');
		const { host, port, user, password, ca, from, to } = server as Login;
		const transport = (shared ??= createTransport({
			host,
			port: Number(port),
			requireTLS: true,
			tls: { ca, checkServerIdentity: () => undefined },
			auth: { user, pass: password },
			pool: true,
			maxConnections: parallel,
			maxMessages: Infinity,
		}));
		return async (name, source) => {
			const attachments = [{ filename: name, content: source as Buffer }];
			await (transport as Transporter).sendMail({
				from,
				to,
				subject: name,
				text: name,
				attachments,
			});
		};
	},
	async kafka({ server }) {
		const { Kafka, logLevel } = await import('kafkajs');
		const kafka = new Kafka({
			clientId: 'bare',
			brokers: [server['broker']!],
			logLevel: logLevel.NOTHING,
		});
		const producer = (shared ??= kafka.producer({ idempotent: true }));
		await (producer as Producer).connect();
		return async (name, source) => {
			await (producer as Producer).send({
				topic: server['topic']!,
				acks: -1,
				messages: [{ key: name, value: source as Buffer }],
			});
		};
	},
};

const streamOf = (source: Source): Readable =>
	source instanceof Uint8Array ? Readable.from([source]) : Readable.from(source);

let shared: unknown;

const lines = hear();
const job = await read<ChannelJob>(lines);
const client = CLIENTS[job.channel]!;
const senders = await Promise.all(
	Array.from({ length: Math.min(job.parallel, job.deliveries) }, () => client(job)),
);
tell({ ready: true });
await lines.next();
const began = performance.now();
let next = 0;
await Promise.all(
	senders.map(async (send) => {
		while (next++ < job.deliveries) {
			const mark = randomBytes(8).toString('hex');
			await send(`${mark}.bin`, payload(job, mark));
		}
	}),
);
tell({ milliseconds: performance.now() - began, delivered: job.deliveries });
process.exit(0);
