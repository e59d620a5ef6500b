/** @jest-environment ./test/support/node-errors.cjs */

import { afterAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createFtpChannel } from '../../engine/channels/ftp/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import type { ServerUnderTest } from '../conformance/channel-servers.ts';
import { largeParcel, parcelOf } from '../support/parcels.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { contentsOf, emptyFolder } from './folder-contents.ts';
import { startProftpd } from './proftpd.ts';
import { mountSmallDisk } from './small-disk.ts';
import { FTP_PASSWORD, FTP_USER, startVsftpd } from './vsftpd.ts';

async function makeFtp(tls: 'explicit' | 'implicit' | 'none'): Promise<ServerUnderTest> {
	const server = await startVsftpd({ tls });
	const other = await startVsftpd({ tls: 'explicit' });
	await other.kill();
	const faults = startFaultProxy();
	const port = await faults.proxy({ host: server.host, port: server.port });
	for (const passive of server.passivePorts) {
		await faults.proxy({ host: server.host, port: passive }, passive);
	}
	await mkdir(join(server.root, 'locked'));
	const unmount = await mountSmallDisk(join(server.root, 'small'));
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	const ca = tls === 'none' ? {} : { ca: server.ca };
	return {
		channel: createFtpChannel({ egress, clock: systemClock }),
		settings: { host: '127.0.0.1', port, tls, user: FTP_USER, password: FTP_PASSWORD, ...ca },
		wrong: {
			password: { password: 'wrong-secret' },
			...(tls === 'none'
				? {}
				: {
						identity: {
							settings: { ca: other.ca },
							code: 'TARGET_PROTOCOL' as const,
						},
					}),
			permission: { folder: 'locked' },
			full: { folder: 'small' },
		},
		faults,
		isThere: async (path) => existsSync(join(server.root, path)),
		kill: server.kill,
		start: server.start,
		contents: async () => contentsOf(server.root),
		clear: async () => emptyFolder(server.root, ['locked', 'small']),
		folders: true,
		resumes: true,
		async cleanup() {
			await egress.close();
			await faults.stop();
			await unmount();
			await server.stop();
			await other.stop();
		},
	};
}

exerciseChannelServer('ftp over explicit TLS', async () => makeFtp('explicit'));

describe.each(['implicit', 'none'] as const)('ftp with TLS "%s"', (tls) => {
	it('delivers as well', async () => {
		const server = await startVsftpd({ tls });
		const egress = createEgress({ allow: ['127.0.0.2'], allowLoopback: false, httpsOnly: true });
		const channel = createFtpChannel({ egress, clock: systemClock });
		try {
			const settings = channel.settings.parse({
				host: '127.0.0.2',
				port: server.port,
				tls,
				user: FTP_USER,
				password: FTP_PASSWORD,
				...(tls === 'none' ? {} : { ca: server.ca }),
			});
			for (const size of [0, 1_000_000]) {
				const parcel = largeParcel(size, { filename: `${size}.csv` });
				const context = { signal: new AbortController().signal, attempt: 1, timeout: 30_000 };
				const prepared = channel.prepare(settings, parcel);
				const outcome = await channel.send(prepared, settings, parcel, context);
				expect(outcome).toMatchObject({ kind: 'delivered' });
				const { sha256 } = parcel;
				expect(await contentsOf(server.root)).toContainEqual({
					path: `${size}.csv`,
					size,
					sha256,
				});
			}
		} finally {
			await channel.close?.();
			await egress.close();
			await server.stop();
		}
	});
});

describe('ftp to a server that makes sums of its files', () => {
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	const channel = createFtpChannel({ egress, clock: systemClock });
	afterAll(async () => {
		await channel.close?.();
		await egress.close();
	});

	it.each([
		['sha256', ['md5', 'sha1', 'sha256']],
		['sha1', ['md5', 'sha1']],
		['md5', ['md5']],
		[undefined, []],
	])(
		'compares its %s, and says so',
		async (best, algorithms) => {
			const server = await startProftpd(algorithms);
			try {
				const settings = channel.settings.parse(server.settings);
				const parcel = parcelOf('ä'.repeat(10_000), { filename: `${'d'.repeat(40)} ä.csv` });
				const send = async (one: typeof parcel) =>
					channel.send(channel.prepare(settings, one), settings, one, {
						signal: new AbortController().signal,
						attempt: 1,
						timeout: 30_000,
					});
				const sent = await send(parcel);
				expect(sent).toMatchObject({ kind: 'delivered' });
				if (sent.kind !== 'delivered') return;
				expect(sent.receipt.remote['checksum']).toBe(best);
				expect(await readFile(join(server.root, parcel.filename), 'utf8')).toBe('ä'.repeat(10_000));
			} finally {
				await server.stop();
			}
		},
		120_000,
	);
});
