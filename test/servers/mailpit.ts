import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificate.ts';
import { goProgram } from './go-program.ts';
import { freePort, startServer, stopServer } from './process.ts';

const MODULE = 'github.com/axllent/mailpit@v1.33.1';

export interface Mail {
	ID: string;
	MessageID: string;
	Subject: string;
	From: { Name: string; Address: string };
	To: { Name: string; Address: string }[];
	Cc: { Name: string; Address: string }[] | null;
	Bcc: { Name: string; Address: string }[] | null;
	Text: string;
	HTML: string;
	Attachments: { PartID: string; FileName: string; ContentType: string; Size: number }[];
}

export interface Mailpit {
	/** Takes STARTTLS, and demands a login: `cap`, `secret`. */
	port: number;
	/** Of the certificate, PEM. */
	certFile: string;
	messages(): Promise<Mail[]>;
	/** The mail as it came over the wire. */
	raw(id: string): Promise<Buffer>;
	attachment(id: string, part: string): Promise<Buffer>;
	/** Answers of the server to come: an SMTP code by step. */
	chaos(
		triggers: Partial<Record<'Sender' | 'Recipient' | 'Authentication', number>>,
	): Promise<void>;
	empty(): Promise<void>;
	kill(): Promise<void>;
	restart(): Promise<void>;
	stop(): Promise<void>;
}

/** A mail server that keeps what it gets and shows it by its API. It refuses recipients at `refused.example`. */
export async function startMailpit({ tls = 'starttls' } = {}): Promise<Mailpit> {
	const program = await goProgram('mailpit', MODULE);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-mailpit-'));
	const { key, cert } = await makeCertificate(folder);
	const users = join(folder, 'users');
	await writeFile(users, 'cap:secret\n');
	const [port, web] = [await freePort(), await freePort()];
	const demand = { starttls: ['--smtp-require-starttls'], implicit: ['--smtp-require-tls'] }[tls];
	const parameters = ['-s', `127.0.0.1:${port}`, '-l', `127.0.0.1:${web}`, '-m', '5000', '-q'];
	parameters.push('--smtp-auth-file', users, '--max-message-size', '300', '--enable-chaos');
	parameters.push('-d', join(folder, 'mails.db'), '--disable-version-check');
	parameters.push('--smtp-allowed-recipients', '^[^@]+@(?:.+[.])?example[.]org$');
	if (demand === undefined) parameters.push('--smtp-auth-allow-insecure');
	else parameters.push('--smtp-tls-cert', cert, '--smtp-tls-key', key, ...demand);
	const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
	const start = async () => startServer(program, parameters, { ...ids, port });
	let child = await start();
	const call = async (path: string, init?: RequestInit): Promise<Response> => {
		const answer = await fetch(`http://127.0.0.1:${web}/api/v1${path}`, init);
		if (!answer.ok) throw new Error(`mailpit ${path}: ${answer.status} ${await answer.text()}`);
		return answer;
	};
	const bytes = async (path: string): Promise<Buffer> =>
		Buffer.from(await (await call(path)).arrayBuffer());
	const json = async (path: string, method: string, body: object): Promise<void> => {
		const headers = { 'content-type': 'application/json' };
		await call(path, { method, headers, body: JSON.stringify(body) });
	};
	return {
		port,
		certFile: cert,
		async messages() {
			const list = (await (await call('/messages?limit=1000')).json()) as { messages: Mail[] };
			return Promise.all(
				list.messages.map(async ({ ID }) => (await (await call(`/message/${ID}`)).json()) as Mail),
			);
		},
		raw: async (id) => bytes(`/message/${id}/raw`),
		attachment: async (id, part) => bytes(`/message/${id}/part/${part}`),
		async chaos(triggers) {
			const steps = Object.entries(triggers).map(([step, ErrorCode]) => [
				step,
				{ ErrorCode, Probability: 100 },
			]);
			const off = ['Sender', 'Recipient', 'Authentication'].map((step) => [
				step,
				{ ErrorCode: 451, Probability: 0 },
			]);
			await json('/chaos', 'PUT', Object.fromEntries([...off, ...steps]) as object);
		},
		empty: async () => json('/messages', 'DELETE', {}),
		kill: async () => stopServer(child, 'SIGKILL'),
		async restart() {
			child = await start();
		},
		async stop() {
			await stopServer(child, 'SIGTERM');
			await rm(folder, { recursive: true, force: true });
		},
	};
}
