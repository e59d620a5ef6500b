/** @jest-environment ./test/support/node-errors.cjs */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { Parcel, SendOutcome } from '../../engine/channels/channel.port.ts';
import { createWebdavChannel } from '../../engine/channels/webdav/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import { largeParcel, parcelOf } from '../support/parcels.ts';
import { startApache } from './apache.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { contentsOf, emptyFolder } from './folder-contents.ts';
import { mountSmallDisk } from './small-disk.ts';
import type { WebdavServer } from './wsgidav.ts';
import { WEBDAV_PASSWORD, WEBDAV_USER, startWsgidav } from './wsgidav.ts';

exerciseChannelServer('webdav at WsgiDAV', async () => {
	const server = await startWsgidav({ auth: 'digest' });
	const other = await startWsgidav({ auth: 'basic' });
	await other.kill();
	const faults = startFaultProxy();
	const port = await faults.proxy({ host: '127.0.0.1', port: server.port });
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	return {
		channel: createWebdavChannel({ egress, clock: systemClock }),
		settings: {
			url: `https://127.0.0.1:${port}/`,
			user: WEBDAV_USER,
			password: WEBDAV_PASSWORD,
			ca: server.ca,
		},
		wrong: {
			password: { password: 'wrong-secret' },
			identity: { settings: { ca: other.ca }, code: 'TARGET_PROTOCOL' },
		},
		faults,
		isThere: async (path) => existsSync(join(server.root, path)),
		kill: server.kill,
		start: server.start,
		contents: async () => contentsOf(server.root),
		clear: async () => emptyFolder(server.root),
		folders: true,
		// it takes what follows for the parameters of a URL
		spoils: /;/,
		resumes: false,
		async cleanup() {
			await egress.close();
			await faults.stop();
			await server.stop();
			await other.stop();
		},
	};
});

describe.each(['basic', 'digest'] as const)('webdav at Apache with %s authentication', (auth) => {
	let server: WebdavServer;
	let unmount: () => Promise<void>;
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	const channel = createWebdavChannel({ egress, clock: systemClock });

	beforeAll(async () => {
		server = await startApache({ auth });
		await mkdir(join(server.root, 'locked'));
		unmount = await mountSmallDisk(join(server.root, 'small'));
	}, 300_000);
	beforeEach(async () => {
		await emptyFolder(server.root, ['locked', 'small']);
	});
	afterAll(async () => {
		await channel.close?.();
		await egress.close();
		await unmount();
		await server.stop();
	});

	async function send(parcel: Parcel, change: object = {}): Promise<SendOutcome> {
		const settings = channel.settings.parse({
			url: `https://localhost:${server.port}/files`,
			user: WEBDAV_USER,
			password: WEBDAV_PASSWORD,
			ca: server.ca,
			...change,
		});
		const context = { signal: new AbortController().signal, attempt: 1, timeout: 60_000 };
		return channel.send(channel.prepare(settings, parcel), settings, parcel, context);
	}

	it.each(['auto', auth])(
		'delivers with "auth": "%s", and files take each other\'s place',
		async (how) => {
			const [first, second] = [largeParcel(3_000_000), largeParcel(2_000_000)];
			expect(await send(first, { auth: how })).toMatchObject({
				kind: 'delivered',
				receipt: {
					location: `https://localhost:${server.port}/files/${first.filename}`,
					remote: { path: first.filename, tls: 'TLSv1.3' },
				},
			});
			expect(await send(second, { auth: how, overwrite: 'refuse' })).toMatchObject({
				kind: 'failed',
				code: 'TARGET_REFUSED',
				retry: 'never',
			});
			expect(await send(second, { auth: how, overwrite: 'replace' })).toMatchObject({
				kind: 'delivered',
			});
			const { filename, size, sha256 } = second;
			expect(await contentsOf(server.root)).toEqual([{ path: filename, size, sha256 }]);
		},
	);

	it('gives odd names, in folders of odd names', async () => {
		const parcel = parcelOf('x', { filename: 'it\'s;q"%#&+=@! 100%.csv' });
		const folder = 'Jahr 2027/März #1; a+b?';
		expect(await send(parcel, { folder })).toMatchObject({ kind: 'delivered' });
		const { size, sha256 } = parcel;
		const path = `${folder}/${parcel.filename}`;
		expect(await contentsOf(server.root)).toEqual([{ path, size, sha256 }]);
	});

	it('tells a wrong password, no permission and a full disk apart', async () => {
		const codes = [];
		for (const change of [
			{ password: 'wrong-secret' },
			{ folder: 'locked' },
			{ folder: 'small' },
		]) {
			const outcome = await send(largeParcel(3_000_000), change);
			expect(outcome).toMatchObject({ kind: 'failed', retry: 'later' });
			expect(JSON.stringify(outcome)).not.toContain('wrong-secret');
			codes.push(outcome.kind === 'failed' && outcome.code);
		}
		expect(codes).toEqual(['TARGET_LOGIN_FAILED', 'TARGET_REFUSED', 'TARGET_FULL']);
		expect(await contentsOf(server.root)).toEqual([]);
	});

	it('gives names also behind a proxy that ends TLS, where the server takes itself for another one', async () => {
		const proxy = createServer((from, to) => {
			const { method, url: path, headers } = from;
			const { ca } = server;
			const behind = request({ port: server.port, method, path, headers, ca }, (answer) => {
				to.writeHead(answer.statusCode ?? 500, answer.headers);
				answer.pipe(to);
			});
			from.pipe(behind);
		}).listen(0, '127.0.0.1');
		await once(proxy, 'listening');
		try {
			const { port } = proxy.address() as AddressInfo;
			const parcel = parcelOf('x');
			expect(await send(parcel, { url: `http://127.0.0.1:${port}/files` })).toMatchObject({
				kind: 'delivered',
			});
			expect(await contentsOf(server.root)).toMatchObject([{ path: parcel.filename }]);
		} finally {
			proxy.closeAllConnections();
			proxy.close();
		}
	});

	it('says so where another way to log in is demanded, and where there is no WebDAV', async () => {
		const outcome = await send(parcelOf('x'), {
			auth: auth === 'basic' ? 'digest' : 'basic',
		});
		expect(outcome).toMatchObject({
			kind: 'failed',
			code: auth === 'basic' ? 'TARGET_PROTOCOL' : 'TARGET_LOGIN_FAILED',
		});
		expect(
			await send(parcelOf('x'), { url: `https://localhost:${server.port}/nowhere` }),
		).toMatchObject({
			kind: 'failed',
			retry: 'later',
		});
	});
});
