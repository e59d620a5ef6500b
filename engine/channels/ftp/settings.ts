import { z } from 'zod';

import {
	folderSettings,
	hostSchema,
	passwordSchema,
	portSchema,
	userSchema,
} from '../shared/remote-settings.ts';
import { caSchema } from '../shared/tls.ts';

export const ftpSettingsSchema = z.strictObject({
	host: hostSchema,
	port: portSchema.optional().describe('21 unless given; with implicit TLS 990.'),
	tls: z
		.enum(['explicit', 'implicit', 'none'])
		.default('explicit')
		.describe(
			'`explicit`: TLS after AUTH TLS, for the password and the data; `implicit`: from the first byte; `none`: everything can be read on the way.',
		),
	user: userSchema.default('anonymous'),
	password: passwordSchema.optional(),
	ca: caSchema.optional().describe('A private authority in PEM; given, it alone is trusted.'),
	...folderSettings,
});

export type FtpSettings = z.output<typeof ftpSettingsSchema>;

export function portOf({ port, tls }: FtpSettings): number {
	return port ?? (tls === 'implicit' ? 990 : 21);
}
