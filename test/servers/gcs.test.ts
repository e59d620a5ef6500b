/** @jest-environment ./test/support/node-errors.cjs */

import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Agent, request } from 'undici';

import { createGcsChannel } from '../../engine/channels/gcs/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import { startFakeGcs } from './fake-gcs.ts';
import type { GoogleStorage } from './fake-gcs.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { Content } from './folder-contents.ts';

const BUCKET = 'reports';
const pair = () =>
	generateKeyPairSync('rsa', {
		modulusLength: 2048,
		publicKeyEncoding: { type: 'spki', format: 'pem' },
		privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
	});

/** Gives tokens to whoever shows a word signed by the right key, as Google's does. */
async function startTokens({ ca, key }: GoogleStorage, publicKey: string) {
	const server = createServer({ cert: ca, key }, (asked, answer) => {
		void text(asked).then((body) => {
			const assertion = new URLSearchParams(body).get('assertion') ?? '';
			const [head = '', claims = '', signature = ''] = assertion.split('.');
			const right = verify(
				'RSA-SHA256',
				Buffer.from(`${head}.${claims}`),
				publicKey,
				Buffer.from(signature, 'base64url'),
			);
			const said = right
				? { access_token: 'a-token', expires_in: 3599, token_type: 'Bearer' }
				: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' };
			answer.writeHead(right ? 200 : 400, { 'content-type': 'application/json' });
			answer.end(JSON.stringify(said));
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return { server, port: (server.address() as AddressInfo).port };
}

/** Looks into the store over a line of its own. */
function readerOf({ port, ca }: GoogleStorage) {
	const dispatcher = new Agent({ connect: { ca } });
	const base = `https://127.0.0.1:${port}/storage/v1/b`;
	const names = async (): Promise<string[]> => {
		const { body } = await request(`${base}/${BUCKET}/o`, { dispatcher });
		const { items = [] } = (await body.json()) as { items?: { name: string }[] };
		return items.map(({ name }) => name).sort();
	};
	const at = (name: string): string => `${base}/${BUCKET}/o/${encodeURIComponent(name)}`;
	return {
		names,
		async makeBucket() {
			const body = JSON.stringify({ name: BUCKET });
			const headers = { 'content-type': 'application/json' };
			const made = await request(base, { method: 'POST', dispatcher, body, headers });
			await made.body.dump();
		},
		async contents(): Promise<Content[]> {
			const contents: Content[] = [];
			for (const path of await names()) {
				const { body } = await request(`${at(path)}?alt=media`, { dispatcher });
				const hash = createHash('sha256');
				let size = 0;
				for await (const chunk of body as AsyncIterable<Uint8Array>) {
					hash.update(chunk);
					size += chunk.length;
				}
				contents.push({ path, size, sha256: hash.digest('hex') });
			}
			return contents;
		},
		async clear() {
			for (const name of await names()) {
				const { body } = await request(at(name), { method: 'DELETE', dispatcher });
				await body.dump();
			}
		},
		close: async () => dispatcher.close(),
	};
}

exerciseChannelServer(
	'gcs at fake-gcs-server',
	async () => {
		const server = await startFakeGcs();
		const other = await startFakeGcs();
		await other.kill();
		const faults = startFaultProxy();
		const port = await faults.proxy({ host: '127.0.0.1', port: server.port });
		const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
		const [right, wrong] = [pair(), pair()];
		const tokens = await startTokens(server, right.publicKey);
		const keyFile = (privateKey: string): string =>
			JSON.stringify({
				type: 'service_account',
				project_id: 'acme',
				private_key_id: 'wrong-secret',
				private_key: privateKey,
				client_email: 'reports@acme.iam.gserviceaccount.com',
				token_uri: `https://127.0.0.1:${tokens.port}/token`,
			});
		const reader = readerOf(server);
		await reader.makeBucket();
		return {
			channel: createGcsChannel({ egress, clock: systemClock }),
			settings: {
				bucket: BUCKET,
				endpoint: `https://127.0.0.1:${port}`,
				serviceAccountKey: keyFile(right.privateKey),
				ca: server.ca,
			},
			wrong: {
				password: { serviceAccountKey: keyFile(wrong.privateKey) },
				identity: { settings: { ca: other.ca }, code: 'TARGET_PROTOCOL' },
			},
			faults,
			isThere: async (path) => (await reader.names()).includes(path),
			kill: server.kill,
			async start() {
				await server.start();
				await reader.makeBucket();
			},
			contents: reader.contents,
			clear: reader.clear,
			folders: false,
			resumes: false,
			async cleanup() {
				await reader.close();
				await egress.close();
				await faults.stop();
				tokens.server.close();
				tokens.server.closeAllConnections();
				await server.stop();
				await other.stop();
			},
		};
	},
	{ flat: 64_000_000 },
);
