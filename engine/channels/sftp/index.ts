import type { Clock } from '../../clock.ts';
import { inputError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel } from '../channel.port.ts';
import { createFileServerChannel } from '../shared/file-server.ts';
import { openSftpConnection } from './connection.ts';
import { sftpError } from './failure.ts';
import { sftpSettingsSchema } from './settings.ts';

/** Uploads to an SFTP server whose host key is pinned. */
export function createSftpChannel({ egress, clock }: { egress: Egress; clock: Clock }): Channel {
	return createFileServerChannel(
		{
			name: 'sftp',
			title: 'SFTP',
			atomic: true,
			settings: sftpSettingsSchema,
			secrets: ['password', 'privateKey', 'passphrase'],
			async check({ host, port, privateKey, passphrase }) {
				await egress.checkHost(host, port, 'host');
				if (privateKey === undefined) return;
				const { utils } = await import('ssh2');
				const key = utils.parseKey(privateKey, passphrase);
				if (!(key instanceof Error)) return;
				throw inputError('INVALID_REQUEST', {
					path: 'privateKey',
					expected:
						passphrase === undefined
							? 'a private key that can be read; an encrypted one needs "passphrase"'
							: 'a private key that its passphrase opens',
				});
			},
			async addresses(settings) {
				const found = await egress.addressesOf(settings.host, settings.port, { path: 'host' });
				return found.length;
			},
			open: async (settings, open) => openSftpConnection(settings, { egress, open }),
			explain: (error, { password, passphrase }) =>
				sftpError(error, 'login', [password, passphrase]),
			locationOf: ({ host, port }, path) => `sftp://${host}:${port}/${path.replace(/^\//, '')}`,
		},
		clock,
	);
}
