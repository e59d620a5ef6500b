import { z } from 'zod';

/** Names that the API itself uses as first path segment; no capability may take them. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
	'v1',
	'v2',
	'v3',
	'r',
	'api',
	'docs',
	'healthz',
	'readyz',
	'livez',
	'metrics',
	'openapi.json',
	'openapi',
	'dashboard',
	'assets',
	'static',
	'favicon.ico',
	'robots.txt',
	'ui',
	'login',
	'logout',
	'admin',
	'schedule',
	'schedules',
	'runs',
	'events',
	'well-known',
	'.well-known',
	// what one-off work is told apart by, see uploads.ts
	'upload',
]);

/** Names of capabilities and actions: they appear in URLs, file names and metrics. */
export const nameSchema = z
	.string()
	.regex(
		/^[a-z0-9][a-z0-9._-]{0,62}$/,
		'a name of 1 to 63 characters a-z 0-9 . _ -, starting with a letter or digit',
	)
	// The one name of this form that every object has: as a key it would find what nobody put there.
	.refine((name) => name !== 'constructor', { error: 'a name other than "constructor"' });

export const capabilityNameSchema = nameSchema.refine((name) => !RESERVED_NAMES.has(name), {
	error: 'a name that the API does not use itself',
});

/** A title for people: any printable text on one line. */
export const titleSchema = z
	.string()
	.min(1)
	.max(200)
	// eslint-disable-next-line no-control-regex
	.regex(/^[^\u0000-\u001f\u007f]*$/, 'text without control characters');

export const labelsSchema = z
	.record(z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}$/), z.string().max(200))
	.refine((labels) => Object.keys(labels).length <= 50, { error: 'at most 50 labels' })
	.meta({ maxProperties: 50 });

export const TENANT_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/;
export const tenantSchema = z.string().regex(TENANT_PATTERN, 'a tenant name of a-z 0-9 _ -');
