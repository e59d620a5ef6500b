import { z } from 'zod';

const text = (max: number): z.ZodString =>
	z
		.string()
		.min(1)
		.max(max)
		// eslint-disable-next-line no-control-regex
		.regex(/^[^\u0000-\u001f\u007f]*$/, 'text without control characters');

const server = {
	/** `postgres://user@host:5432/database`; the password goes into `password`. */
	url: text(2048).optional(),
	host: text(255).optional(),
	port: z.number().int().min(1).max(65_535).optional(),
	database: text(128).optional(),
	user: text(128).optional(),
	password: z.string().max(1024).optional(),
	/** Default on, but off for a server on this machine. Certificates are always verified. */
	tls: z
		.union([
			z.boolean(),
			z.strictObject({
				/** PEM of the certificate authority to trust instead of the public ones. */
				ca: z.string().max(100_000).optional(),
				/** The name in the certificate where it is not `host`. */
				serverName: text(255).optional(),
			}),
		])
		.optional(),
};

const sqliteSettings = z.strictObject({
	driver: z.literal('sqlite'),
	/** A database file in a folder that the operator allows; relative to the first of them. */
	file: text(4096),
});

const postgresSettings = z.strictObject({ driver: z.literal('postgres'), ...server });
const mysqlSettings = z.strictObject({ driver: z.literal('mysql'), ...server });

export const sqlSettingsSchema = z
	.discriminatedUnion('driver', [sqliteSettings, postgresSettings, mysqlSettings])
	.superRefine((settings, context) => {
		if (settings.driver === 'sqlite') return;
		const issue = serverIssue(settings);
		if (issue !== undefined) context.addIssue({ code: 'custom', ...issue });
	});

export const sqlActionSchema = z.strictObject({
	/** One reading statement. Placeholders: `?` (SQLite, MySQL), `$1` (PostgreSQL), `:name` (SQLite). */
	sql: z.string().min(1).max(100_000),
	/** Names of the action's parameters in the order of the placeholders. */
	parameters: z.array(z.string().min(1).max(200)).max(500).default([]),
});

export type SqlSettings = z.output<typeof sqlSettingsSchema>;
export type SqliteSettings = z.output<typeof sqliteSettings>;
export type ServerSettings = z.output<typeof postgresSettings> | z.output<typeof mysqlSettings>;
export type SqlActionSettings = z.output<typeof sqlActionSchema>;

const SCHEMES = { postgres: /^postgres(?:ql)?:$/, mysql: /^(?:mysql|mariadb):$/ } as const;
const PORTS = { postgres: 5432, mysql: 3306 } as const;

function serverIssue(settings: ServerSettings): { path: string[]; message: string } | undefined {
	if (settings.url === undefined) {
		const missing = (['host', 'database', 'user'] as const).find(
			(name) => settings[name] === undefined,
		);
		return missing && { path: [missing], message: `"url", or "host", "database" and "user"` };
	}
	const url = URL.parse(settings.url);
	if (url === null || !SCHEMES[settings.driver].test(url.protocol) || url.hostname === '') {
		return { path: ['url'], message: `a URL like ${settings.driver}://user@host/database` };
	}
	if (url.password !== '')
		return { path: ['url'], message: 'no password: it goes into "password"' };
	if (url.search !== '' || url.hash !== '')
		return { path: ['url'], message: 'no options: use "tls"' };
	const extra = (['host', 'port', 'database', 'user'] as const).find(
		(name) => settings[name] !== undefined,
	);
	return extra && { path: [extra], message: `either "url" or "${extra}"` };
}

export interface ServerAddress {
	host: string;
	port: number;
	database: string;
	user: string;
	password: string;
	/** undefined: no TLS. */
	tls: { ca?: string; servername?: string } | undefined;
}

const LOCAL = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

export function addressOf(settings: ServerSettings): ServerAddress {
	const url = settings.url === undefined ? null : new URL(settings.url);
	const host = url?.hostname.replace(/^\[|\]$/g, '') ?? settings.host ?? '';
	const path = decodeURIComponent(url?.pathname.slice(1) ?? '');
	const user = decodeURIComponent(url?.username ?? '');
	const { tls = !LOCAL.test(host) } = settings;
	const own = typeof tls === 'object' ? tls : {};
	return {
		host,
		port: url?.port ? Number(url.port) : (settings.port ?? PORTS[settings.driver]),
		database: path === '' ? (settings.database ?? user) : path,
		user: user === '' ? (settings.user ?? '') : user,
		password: settings.password ?? '',
		tls:
			tls === false
				? undefined
				: {
						...(own.ca === undefined ? {} : { ca: own.ca }),
						...(own.serverName === undefined ? {} : { servername: own.serverName }),
					},
	};
}
