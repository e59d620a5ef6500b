import type { Clock } from '../../clock.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel } from '../channel.port.ts';
import { createFileServerChannel } from '../shared/file-server.ts';
import { joinPath } from '../shared/remote-files.ts';
import { openFtp } from './connection.ts';
import { ftpError } from './failure.ts';
import { ftpSettingsSchema, portOf } from './settings.ts';

/** Uploads to an FTP server: plain, with explicit or with implicit TLS. */
export function createFtpChannel({ egress, clock }: { egress: Egress; clock: Clock }): Channel {
	return createFileServerChannel(
		{
			name: 'ftp',
			title: 'FTP',
			atomic: true,
			settings: ftpSettingsSchema,
			secrets: ['password'],
			async check(settings) {
				await egress.checkHost(settings.host, portOf(settings), 'host');
			},
			async addresses(settings) {
				const found = await egress.addressesOf(settings.host, portOf(settings), { path: 'host' });
				return found.length;
			},
			open: async (settings, open) => openFtp(settings, { egress, open }),
			explain: (error, { password }) => ftpError(error, 'login', password),
			locationOf(settings, path) {
				const scheme =
					settings.tls === 'none' ? 'ftp' : settings.tls === 'implicit' ? 'ftps' : 'ftpes';
				return `${scheme}://${settings.host}:${portOf(settings)}/${joinPath('', path).replace(/^\//, '')}`;
			},
		},
		clock,
	);
}
