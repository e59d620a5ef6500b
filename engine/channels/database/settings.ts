import { z } from 'zod';

import { tlsOptions } from '../shared/tls.ts';
import type { VerifiedTls } from '../shared/tls.ts';

const text = (max: number): z.ZodString =>
	z
		.string()
		.min(1)
		.max(max)
		.regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'text without line breaks and control characters');

/** PostgreSQL cuts longer names, which could make two of one; MySQL refuses them. */
const name = text(63).refine((given) => Buffer.byteLength(given) <= 63, {
	error: 'a name of at most 63 bytes',
});

export const databaseSettingsSchema = z.strictObject({
	driver: z.enum(['postgres', 'mysql']).describe('`mysql` is for MariaDB too.'),
	host: text(255),
	port: z.number().int().min(1).max(65_535).optional().describe('5432 or 3306.'),
	database: text(128),
	user: text(128),
	password: z.string().max(1024).optional(),
	tls: z
		.union([
			z.boolean(),
			z.strictObject({
				ca: z
					.string()
					.max(100_000)
					.optional()
					.describe('PEM of the certificate authority to trust instead of the public ones.'),
				serverName: text(255)
					.optional()
					.describe('The name in the certificate where it is not `host`.'),
			}),
		])
		.default(true)
		.describe('Certificates are always verified; `false` sends everything in the clear.'),
	schema: name.optional().describe('Of the table; default `public`, or the database with `mysql`.'),
	table: name.describe('It must be there.'),
	rename: z
		.record(text(200), name)
		.refine((names) => Object.keys(names).length <= 500, { error: 'at most 500 columns' })
		.default({})
		.describe(
			'Columns of the result that are called otherwise in the table: `{ "Order ID": "order_id" }`.',
		),
	extra: z
		.enum(['refuse', 'ignore'])
		.default('refuse')
		.describe('What becomes of columns of the result that the table does not have.'),
	loadIdColumn: name
		.optional()
		.describe('A column of the table that gets the id of the delivery in each row.'),
	loadsTable: name
		.default('capscheduler_loads')
		.describe('Holds the ids of what was loaded, beside the table; made when it is not there.'),
});

export type DatabaseSettings = z.output<typeof databaseSettingsSchema>;

export function portOf({ driver, port }: DatabaseSettings): number {
	return port ?? (driver === 'postgres' ? 5432 : 3306);
}

/** Null: no TLS. */
export function tlsOf({ tls, host }: DatabaseSettings): VerifiedTls | null {
	if (tls === false) return null;
	return tlsOptions({ host, ...(tls === true ? {} : tls) });
}
