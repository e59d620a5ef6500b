import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { startChild } from '../child.ts';

/** Where a channel sends to in the benchmark. */
export interface Place {
	/** How many small deliveries take a few seconds. */
	small: number;
	/** Whether one large file is worth measuring. */
	large: boolean;
	/** For one measurement. @param folder an empty one */
	prepare(folder: string): Promise<{
		settings: Record<string, unknown>;
		engine: Record<string, string>;
		server: Record<string, string>;
		format?: 'ndjson';
		/** How many the bare client sends at once, where it is not as many as the engine has in hand. */
		parallel?: number;
	}>;
	stop(): Promise<void>;
}

const TARGET = fileURLToPath(new URL('../target.ts', import.meta.url));

export const PLACES: Record<string, () => Promise<Place>> = {
	file: () =>
		Promise.resolve({
			small: 5000,
			large: true,
			prepare: (folder) =>
				Promise.resolve({
					settings: { folder },
					engine: { CAPSCHEDULER_FILE_ROOTS: folder },
					server: { folder },
				}),
			stop: () => Promise.resolve(),
		}),
	async webhook() {
		const target = startChild(TARGET, {});
		const { url } = await target.next<{ url: string }>();
		return {
			small: 10_000,
			large: true,
			prepare: () => Promise.resolve({ settings: { url }, engine: {}, server: { url } }),
			stop: () => target.kill(),
		};
	},
	async ftp() {
		const { FTP_PASSWORD, FTP_USER, startVsftpd } = await import('../../servers/vsftpd.ts');
		// without TLS: vsftpd and the client library do not reuse sessions of TLS 1.3 with each other
		const { host, port, stop } = await startVsftpd({ tls: 'none', passive: 2000 });
		return {
			small: 1000,
			large: true,
			prepare: () =>
				Promise.resolve({
					settings: {
						...{ host, port, tls: 'none', user: FTP_USER, password: FTP_PASSWORD },
						connections: 8,
					},
					engine: {},
					server: { host, port: String(port), user: FTP_USER, password: FTP_PASSWORD },
					parallel: 8,
				}),
			stop,
		};
	},
	async sftp() {
		const { SSH_PASSWORD, SSH_USER, startSshd } = await import('../../servers/sshd.ts');
		const { port, root, hostKeys, stop } = await startSshd();
		const login = { host: '127.0.0.1', user: SSH_USER, password: SSH_PASSWORD };
		return {
			small: 1000,
			large: true,
			prepare: () =>
				Promise.resolve({
					settings: {
						...login,
						port,
						hostKey: hostKeys.ed25519.fingerprint,
						folder: root,
						connections: 8,
					},
					engine: {},
					server: { ...login, port: String(port), folder: root },
					parallel: 8,
				}),
			stop,
		};
	},
	async s3() {
		const { ACCESS_KEY, BUCKET, SECRET_KEY, startVersitygw } =
			await import('../../servers/versitygw.ts');
		const { port, cert, stop } = await startVersitygw();
		const ca = await readFile(cert, 'utf8');
		const endpoint = `https://127.0.0.1:${port}`;
		const keys = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
		return {
			small: 2000,
			large: true,
			prepare: () =>
				Promise.resolve({
					settings: { bucket: BUCKET, endpoint, pathStyle: true, ca, ...keys },
					engine: {},
					server: { bucket: BUCKET, endpoint, ca, ...keys },
				}),
			stop,
		};
	},
	async database() {
		const { startPostgres } = await import('../../servers/postgres.ts');
		const { port, stop } = await startPostgres();
		const login = { host: '127.0.0.1', user: 'postgres', password: 'secret', database: 'postgres' };
		const { default: pg } = await import('pg');
		const client = new pg.Client({ ...login, port });
		await client.connect();
		await client.query(
			'CREATE TABLE loaded (text text); CREATE TABLE loads (load_id text PRIMARY KEY)',
		);
		await client.end();
		return {
			small: 2000,
			large: false,
			prepare: () =>
				Promise.resolve({
					settings: { driver: 'postgres', ...login, port, tls: false, table: 'loaded' },
					engine: {},
					server: { ...login, port: String(port) },
					format: 'ndjson' as const,
					// as many as the channel has connections
					parallel: 8,
				}),
			stop,
		};
	},
	async email() {
		const { startMailpit } = await import('../../servers/mailpit.ts');
		const { port, certFile, stop } = await startMailpit();
		const ca = await readFile(certFile, 'utf8');
		const login = { host: '127.0.0.1', user: 'cap', password: 'secret' };
		const mail = { from: 'reports@example.org', to: 'ada@example.org' };
		return {
			small: 1000,
			large: false,
			prepare: () =>
				Promise.resolve({
					settings: { ...login, port, ca, from: mail.from, to: [mail.to], file: 'attach' },
					engine: {},
					server: { ...login, ...mail, port: String(port), ca },
				}),
			stop,
		};
	},
	async kafka() {
		const { startKafka } = await import('../../servers/kafka.ts');
		const { plain, stop } = await startKafka();
		return {
			small: 10_000,
			large: false,
			prepare: () =>
				Promise.resolve({
					settings: { brokers: [plain], tls: false, topic: 'files' },
					engine: {},
					server: { broker: plain, topic: 'files' },
				}),
			stop,
		};
	},
};
