import { z } from 'zod';

import { folderSettings, passwordSchema, userSchema } from '../shared/remote-settings.ts';
import { caSchema } from '../shared/tls.ts';

const BASE =
	'an http or https URL of a folder, without user, password, query and fragment, like "https://cloud.example.org/remote.php/dav/files/ada"';

export const webdavSettingsSchema = z
	.strictObject({
		url: z
			.url({ protocol: /^https?$/, error: BASE })
			.max(2048)
			.refine(isBase, { error: BASE })
			.describe('The folder that the user sees as the uppermost one.'),
		user: userSchema.optional(),
		password: passwordSchema.optional(),
		token: z
			.string()
			.regex(/^[\x21-\x7e]{1,4000}$/, 'a token of visible ASCII characters')
			.optional()
			.describe('Sent as `Authorization: Bearer …`, in the place of user and password.'),
		auth: z
			.enum(['auto', 'basic', 'digest'])
			.default('auto')
			.describe(
				'How user and password are shown: `digest` never sends the password; `basic` does, without being asked; `auto`: as the server asks, digest before basic.',
			),
		ca: caSchema.optional().describe('A private authority in PEM; given, it alone is trusted.'),
		...folderSettings,
		folder: folderSettings.folder.describe('Below the URL; empty: right there.'),
	})
	.refine((settings) => (settings.user === undefined) === (settings.password === undefined), {
		path: ['password'],
		error: '"user" and "password" together',
	})
	.refine((settings) => settings.token === undefined || settings.user === undefined, {
		path: ['token'],
		error: 'either "token" or "user" and "password"',
	})
	.refine((settings) => settings.auth !== 'basic' || !settings.user?.includes(':'), {
		path: ['user'],
		error: 'a user without ":", which basic authentication ends the user with',
	});

export type WebdavSettings = z.output<typeof webdavSettingsSchema>;

function isBase(text: string): boolean {
	const url = URL.parse(text);
	return url !== null && [url.username, url.password, url.search, url.hash].every((one) => !one);
}

/** Where connections go to. */
export function endpointOf({ url }: WebdavSettings): {
	host: string;
	port: number;
	plain: boolean;
} {
	const { hostname, port, protocol } = new URL(url);
	const plain = protocol === 'http:';
	const host = hostname.replace(/^\[|\]$/g, '');
	return { host, port: Number(port) || (plain ? 80 : 443), plain };
}

/** The address of a file or, with `/` at its end, of a folder. `path` is below the URL of the settings. */
export function hrefOf({ url }: WebdavSettings, path: string): string {
	const base = url.endsWith('/') ? url : `${url}/`;
	const below = path.replace(/^\//, '').split('/').map(encodeURIComponent).join('/');
	return new URL(base).href + below;
}
