/** @jest-environment ./test/support/node-errors.cjs */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { SendOutcome } from '../../engine/channels/channel.port.ts';
import { createSftpChannel } from '../../engine/channels/sftp/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import { parcelOf } from '../support/parcels.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { contentsOf, emptyFolder } from './folder-contents.ts';
import { mountSmallDisk } from './small-disk.ts';
import { PASSPHRASE, SSH_PASSWORD, SSH_USER, startSshd } from './sshd.ts';
import type { SshServer } from './sshd.ts';

exerciseChannelServer('sftp', async () => {
	const server = await startSshd();
	const other = await startSshd();
	await other.kill();
	const faults = startFaultProxy();
	const port = await faults.proxy({ host: '127.0.0.1', port: server.port });
	await mkdir(join(server.root, 'locked'));
	const unmount = await mountSmallDisk(join(server.root, 'small'));
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	return {
		channel: createSftpChannel({ egress, clock: systemClock }),
		settings: {
			host: '127.0.0.1',
			port,
			user: SSH_USER,
			password: SSH_PASSWORD,
			hostKey: server.hostKeys.ed25519.line,
		},
		wrong: {
			password: { password: 'wrong-secret' },
			identity: {
				settings: { hostKey: other.hostKeys.ed25519.line },
				code: 'HOST_KEY_MISMATCH',
			},
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
});

describe('logging in at an SFTP server', () => {
	let server: SshServer;
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	const channel = createSftpChannel({ egress, clock: systemClock });
	beforeAll(async () => {
		server = await startSshd();
	}, 120_000);
	afterAll(async () => {
		await channel.close?.();
		await egress.close();
		await server.stop();
	});

	async function send(given: object) {
		const settings = channel.settings.parse({
			host: '127.0.0.1',
			port: server.port,
			user: SSH_USER,
			hostKey: server.hostKeys.ed25519.fingerprint,
			...given,
		});
		const parcel = parcelOf('x', { filename: `${Object.keys(given).join('-')}.csv` });
		await channel.check(settings);
		const { signal } = new AbortController();
		const context = { signal, attempt: 1, timeout: 30_000 };
		return channel.send(channel.prepare(settings, parcel), settings, parcel, context);
	}

	it('takes a key', async () => {
		expect(await send({ privateKey: server.key })).toMatchObject({ kind: 'delivered' });
	});

	it('takes a key with its passphrase, and refuses it without', async () => {
		const privateKey = server.encryptedKey;
		const outcome = await send({ privateKey, passphrase: PASSPHRASE });
		expect(outcome).toMatchObject({ kind: 'delivered' });
		await expect(send({ privateKey, passphrase: 'wrong' })).rejects.toMatchObject({
			code: 'INVALID_REQUEST',
			message: 'privateKey: expected a private key that its passphrase opens',
		});
		await expect(send({ privateKey })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
	});

	it('finds the pinned key though the server would rather show another', async () => {
		for (const hostKey of [
			server.hostKeys.rsa.fingerprint,
			server.hostKeys.rsa.line,
			[`SHA256:${'A'.repeat(43)}`, server.hostKeys.ed25519.line],
		]) {
			const outcome = await send({ password: SSH_PASSWORD, hostKey });
			expect(outcome).toMatchObject({ kind: 'delivered' });
		}
	});

	it('tells another server nothing, not even the name of the user', async () => {
		const before = server.log().length;
		const hostKey = `SHA256:${'A'.repeat(43)}`;
		const outcome = await send({ password: SSH_PASSWORD, hostKey });
		expect(outcome).toMatchObject({ kind: 'failed', code: 'HOST_KEY_MISMATCH', retry: 'never' });
		const { fingerprint } = server.hostKeys.ed25519;
		expect((outcome as { message: string }).message).toContain(`ssh-ed25519 ${fingerprint}`);
		const log = server.log().slice(before);
		expect(log).toContain('Connection');
		expect(log).not.toContain(SSH_USER);
	});
});

describe('an SFTP server that does not put a file onto its disk', () => {
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	const channel = createSftpChannel({ egress, clock: systemClock });
	afterAll(async () => {
		await channel.close?.();
		await egress.close();
	});

	/** @param flush the status that it answers then */
	async function sendTo(flush: number): Promise<{ outcome: SendOutcome; left: string[] }> {
		const server = await startSshd({ flush });
		try {
			const hostKey = server.hostKeys.ed25519.fingerprint;
			const login = { host: '127.0.0.1', port: server.port, user: SSH_USER, hostKey };
			const settings = channel.settings.parse({ ...login, privateKey: server.key });
			const parcel = parcelOf('what must last', { filename: 'kept.csv' });
			const context = { signal: new AbortController().signal, attempt: 1, timeout: 30_000 };
			const prepared = channel.prepare(settings, parcel);
			const outcome = await channel.send(prepared, settings, parcel, context);
			return { outcome, left: (await contentsOf(server.root)).map(({ path }) => path) };
		} finally {
			await server.stop();
		}
	}

	it('has not got the file: the attempt fails, and nothing is left', async () => {
		const { outcome, left } = await sendTo(4);
		expect(outcome).toMatchObject({ kind: 'failed', code: 'TARGET_FAULT', retry: 'later' });
		expect(left).toEqual([]);
	}, 120_000);

	it('because it knows no such call has it, and the receipt says so', async () => {
		const { outcome, left } = await sendTo(8);
		expect(outcome).toMatchObject({ kind: 'delivered', receipt: { remote: { flushed: false } } });
		expect(left).toEqual(['kept.csv']);
	}, 120_000);
});
