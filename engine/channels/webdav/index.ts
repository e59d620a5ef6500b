import type { Clock } from '../../clock.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel } from '../channel.port.ts';
import { createFileServerChannel } from '../shared/file-server.ts';
import { openWebdav } from './connection.ts';
import { webdavError } from './failure.ts';
import { endpointOf, hrefOf, webdavSettingsSchema } from './settings.ts';

/** Uploads to WebDAV: Nextcloud, ownCloud, Apache, SharePoint and others. */
export function createWebdavChannel({ egress, clock }: { egress: Egress; clock: Clock }): Channel {
	return createFileServerChannel(
		{
			name: 'webdav',
			title: 'WebDAV',
			atomic: true,
			settings: webdavSettingsSchema,
			secrets: ['password', 'token'],
			// Nextcloud refuses names that end in `.part`
			temporary: 'upload',
			async check({ url }) {
				await egress.checkUrl(url, 'url');
			},
			async addresses(settings) {
				const { host, port, plain } = endpointOf(settings);
				return (await egress.addressesOf(host, port, { path: 'url', plain })).length;
			},
			open: async (settings, open) => openWebdav(settings, { egress, clock, open }),
			explain: (error) => webdavError(error, 'login'),
			locationOf: hrefOf,
		},
		clock,
	);
}
