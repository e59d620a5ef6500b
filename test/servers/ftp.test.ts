/** @jest-environment ./test/support/node-errors.cjs */

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { createFtpChannel } from '../../engine/channels/ftp/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import type { ServerUnderTest } from '../conformance/channel-servers.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { contentsOf, emptyFolder } from './folder-contents.ts';
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
	const ca = tls === 'none' ? {} : { ca: server.certificate.pem };
	return {
		channel: createFtpChannel({ egress, clock: systemClock }),
		settings: { host: '127.0.0.1', port, tls, user: FTP_USER, password: FTP_PASSWORD, ...ca },
		wrong: {
			password: { password: 'wrong-secret' },
			...(tls === 'none'
				? {}
				: {
						identity: {
							settings: { ca: other.certificate.pem },
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
