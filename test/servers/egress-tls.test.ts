import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';

import { createPostSigned } from '../../engine/channels/webhook/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { createSigner } from '../../engine/security/standard-webhooks.ts';
import { sendTo } from '../support/http-answers.ts';

const run = promisify(execFile);

describe('a certificate', () => {
	let folder: string;
	let server: Server | undefined;
	let requests = 0;
	let certificate = '';
	const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-tls-'));
		const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
		const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
		const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
		try {
			await run('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert]);
		} catch (error) {
			process.stderr.write(`SKIPPED, no certificate can be made: ${(error as Error).message}\n`);
			return;
		}
		certificate = await readFile(cert, 'utf8');
		server = createServer({ key: await readFile(key), cert: certificate }, (_, response) => {
			requests += 1;
			response.end('over TLS');
		});
		await new Promise<void>((resolve) => server?.listen(0, 'localhost', resolve));
	});
	afterAll(async () => {
		if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
		else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
		server?.close();
		await rm(folder, { recursive: true, force: true });
	});

	it('that nobody vouches for gets no byte of a request, even where the environment asks for it', async () => {
		if (!server) return;
		process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
		const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
		const signer = createSigner();
		const post = createPostSigned({ egress, signer, clock: systemClock });
		const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
		await expect(sendTo(egress.http, origin)).rejects.toMatchObject({
			code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
		});
		const outcome = await post({
			url: `${origin}/`,
			secret: signer.generateSecret(),
			id: 'ntf_1',
			body: Buffer.from('{}'),
			contentType: 'application/json',
			timeout: 5000,
			signal: new AbortController().signal,
		});
		await egress.close();
		expect(outcome).toMatchObject({
			code: 'TARGET_PROTOCOL',
			message: 'TLS failed (DEPTH_ZERO_SELF_SIGNED_CERT)',
		});
		expect(requests).toBe(0);
	});

	it('that is vouched for carries requests, one after another on one connection', async () => {
		if (!server) return;
		let connections = 0;
		server.on('secureConnection', () => connections++);
		const trusted = getCACertificates('default');
		setDefaultCACertificates([...trusted, certificate]);
		const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
		const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
		try {
			for (let i = 0; i < 3; i++) {
				const got = await sendTo(egress.http, origin, { body: 'x'.repeat(100_000) });
				expect(got).toMatchObject({ status: 200, body: 'over TLS' });
			}
			expect(connections).toBe(1);
		} finally {
			setDefaultCACertificates(trusted);
			await egress.close();
		}
	});
});
