import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';

import { createAzureBlobChannel } from '../../../engine/channels/azure-blob/index.ts';
import { createFtpChannel } from '../../../engine/channels/ftp/index.ts';
import { createGcsChannel } from '../../../engine/channels/gcs/index.ts';
import { createS3Channel } from '../../../engine/channels/s3/index.ts';
import { createSftpChannel } from '../../../engine/channels/sftp/index.ts';
import { createWebdavChannel } from '../../../engine/channels/webdav/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { parcelOf } from '../../support/parcels.ts';

const egress = createEgress({ allow: [], allowLoopback: false, httpsOnly: true });
const ftp = createFtpChannel({ egress, clock: systemClock });
const sftp = createSftpChannel({ egress, clock: systemClock });
const webdav = createWebdavChannel({ egress, clock: systemClock });
const s3 = createS3Channel({ egress, clock: systemClock, identityFor: ['ops'] });
const azure = createAzureBlobChannel({ egress, clock: systemClock });
const gcs = createGcsChannel({ egress, clock: systemClock });
const { privateKey } = generateKeyPairSync('rsa', {
	modulusLength: 2048,
	publicKeyEncoding: { type: 'spki', format: 'pem' },
	privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const keyFile = (change: object = {}): string =>
	JSON.stringify({
		type: 'service_account',
		private_key_id: 'top-secret',
		private_key: privateKey,
		client_email: 'reports@acme.iam.gserviceaccount.com',
		token_uri: 'https://oauth2.googleapis.com/token',
		...change,
	});
const hostKey = `SHA256:${'A'.repeat(43)}`;

const channels = [
	['ftp', ftp, { host: 'ftp.example.com', user: 'u', password: 'top-secret' }],
	['sftp', sftp, { host: 'sftp.example.com', user: 'u', password: 'top-secret', hostKey }],
	['webdav', webdav, { url: 'https://cloud.example.com/', user: 'u', password: 'top-secret' }],
	['s3', s3, { bucket: 'reports', accessKeyId: 'AK', secretAccessKey: 'top-secret' }],
	[
		'azure-blob',
		azure,
		{
			account: 'acme',
			container: 'reports',
			clientSecret: 'top-secret',
			tenantId: 't',
			clientId: 'c',
		},
	],
	['gcs', gcs, { bucket: 'reports', serviceAccountKey: keyFile() }],
] as const;

describe.each(channels)('the plan of %s', (_name, channel, given) => {
	it('has no secrets, and is twice the same', () => {
		const settings = channel.settings.parse(given);
		const parcel = parcelOf('x');
		const plan = channel.prepare(settings, parcel);
		expect(plan).toEqual(channel.prepare(settings, parcel));
		expect(JSON.stringify(plan)).not.toContain('top-secret');
		for (const [name, value] of Object.entries(given)) {
			if (value === 'top-secret') expect(channel.secrets).toContain(name);
		}
	});

	it.each(['../x', 'a/b', 'a\\b', '.hidden', 'a\r\nDELE b', 'a\0b', '', 'x'.repeat(256)])(
		'refuses the name %j',
		(filename) => {
			const settings = channel.settings.parse(given);
			expect(() => channel.prepare(settings, parcelOf('x', { filename }))).toThrow(
				expect.objectContaining({ code: 'PATH_INVALID' }),
			);
		},
	);

	it.each(['..', 'a/../b', 'a//b', 'a\\b', 'a\r\nDELE b', 'a\0'])(
		'refuses the folder %j',
		(folder) => {
			expect(channel.settings.safeParse({ ...given, folder }).success).toBe(false);
		},
	);

	it('refuses what it does not know', () => {
		expect(channel.settings.safeParse({ ...given, colour: 'red' }).success).toBe(false);
	});
});

describe('settings of servers of files', () => {
	it.each(['a\r\nQUIT', 'a\0', 'a\n'])('have no command in a user or password: %j', (text) => {
		const base = { host: 'ftp.example.com' };
		expect(ftp.settings.safeParse({ ...base, user: text }).success).toBe(false);
		expect(ftp.settings.safeParse({ ...base, password: text }).success).toBe(false);
	});

	it('have a host key for SFTP, and something to log in with', () => {
		const base = { host: 'h', user: 'u' };
		expect(sftp.settings.safeParse({ ...base, password: 'p' }).success).toBe(false);
		expect(sftp.settings.safeParse({ ...base, hostKey }).success).toBe(false);
		expect(sftp.settings.safeParse({ ...base, hostKey, password: 'p' }).success).toBe(true);
	});

	it('name no host that the guard refuses', async () => {
		for (const host of ['127.0.0.1', '169.254.169.254', '10.0.0.1', 'localhost']) {
			await expect(ftp.check(ftp.settings.parse({ host }))).rejects.toMatchObject({
				code: 'EGRESS_BLOCKED',
			});
		}
	});
});

describe('settings of Google', () => {
	it.each([
		['no JSON', 'top-secret'],
		['a key of a user', keyFile({ type: 'authorized_user' })],
		['a key that is none', keyFile({ private_key: '-----BEGIN PRIVATE KEY-----' })],
		['tokens over plain http', keyFile({ token_uri: 'http://oauth2.googleapis.com/token' })],
	])('refuse %s, and do not repeat it', (_what, serviceAccountKey) => {
		const parsed = gcs.settings.safeParse({ bucket: 'reports', serviceAccountKey });
		expect(parsed.success).toBe(false);
		expect(JSON.stringify(parsed.error)).not.toContain('top-secret');
	});

	it('take tokens from no host that the guard refuses, whatever the key file says', async () => {
		const serviceAccountKey = keyFile({ token_uri: 'https://169.254.169.254/token' });
		const settings = gcs.settings.parse({ bucket: 'reports', serviceAccountKey });
		await expect(gcs.check(settings)).rejects.toMatchObject({ code: 'EGRESS_BLOCKED' });
	});
});

describe('settings of Azure', () => {
	const base = { account: 'acme', container: 'reports' };
	const key = 'A'.repeat(86) + '==';
	it.each([
		['no credentials', {}],
		['two of them', { accountKey: key, sas: 'sv=1&sig=x' }],
		['an application without its tenant', { clientId: 'c', clientSecret: 's' }],
		[
			'an application over plain http',
			{ tenantId: 't', clientId: 'c', clientSecret: 's', endpoint: 'http://127.0.0.1/acme' },
		],
		['a signature that is none', { sas: 'https://acme.blob.core.windows.net' }],
		[
			'a key of metadata that the store would refuse',
			{ accountKey: key, metadata: { 'a-b': 'c' } },
		],
		['metadata of our own names', { accountKey: key, metadata: { capscheduler_sha256: 'c' } }],
	])('refuse %s', (_what, given) => {
		expect(azure.settings.safeParse({ ...base, accountKey: key }).success).toBe(true);
		expect(azure.settings.safeParse({ ...base, ...given }).success).toBe(false);
	});

	it('name no host that the guard refuses, for tokens neither', async () => {
		const application = { tenantId: 't', clientId: 'c', clientSecret: 's' };
		for (const given of [
			{ accountKey: key, endpoint: 'https://10.0.0.1/acme' },
			{ ...application, authority: 'https://169.254.169.254' },
		]) {
			await expect(azure.check(azure.settings.parse({ ...base, ...given }))).rejects.toMatchObject({
				code: 'EGRESS_BLOCKED',
			});
		}
	});
});

describe("the engine's own identity", () => {
	it('is lent to the tenants that the operator named, to no other', async () => {
		const settings = s3.settings.parse({ bucket: 'reports' });
		expect(() => s3.prepare(settings, parcelOf('x', { tenant: 'ops' }))).not.toThrow();
		expect(() => s3.prepare(settings, parcelOf('x', { tenant: 'other' }))).toThrow(
			expect.objectContaining({ code: 'INVALID_REQUEST' }),
		);
		const none = createS3Channel({ egress, clock: systemClock, identityFor: [] });
		await expect(none.check(settings)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
	});
});
