import { z } from 'zod';

import {
	folderSettings,
	hostSchema,
	passwordSchema,
	portSchema,
	userSchema,
} from '../shared/remote-settings.ts';
import { readHostKey } from './host-key.ts';

const HOST_KEY =
	'"SHA256:…" as ssh-keygen -lf shows it, or the line of a public key "ssh-ed25519 AAAA…"';
const hostKey = z
	.string()
	.max(4000)
	.refine((text) => readHostKey(text) !== null, { error: HOST_KEY });

export const sftpSettingsSchema = z
	.strictObject({
		host: hostSchema,
		port: portSchema.default(22),
		user: userSchema,
		password: passwordSchema.optional(),
		privateKey: z
			.string()
			.max(20_000)
			.refine((text) => text.includes('-----BEGIN'), {
				error: 'a private key in PEM or OpenSSH form',
			})
			.optional()
			.describe('In PEM or OpenSSH form.'),
		passphrase: passwordSchema.optional().describe('Of the private key, where it has one.'),
		hostKey: z
			.union([hostKey, z.array(hostKey).min(1).max(10)], {
				error: (issue) => (issue.input === undefined ? HOST_KEY : undefined),
			})
			.describe(
				'What the server must show: `SHA256:…` as `ssh-keygen -lf` prints it, or the public key as `ssh-keyscan` prints it. Several while it changes.',
			),
		...folderSettings,
	})
	.refine((settings) => settings.password !== undefined || settings.privateKey !== undefined, {
		error: '"password" or "privateKey"',
	})
	.refine((settings) => settings.passphrase === undefined || settings.privateKey !== undefined, {
		path: ['passphrase'],
		error: 'a passphrase only together with "privateKey"',
	});

export type SftpSettings = z.output<typeof sftpSettingsSchema>;
