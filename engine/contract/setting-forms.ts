import { z } from 'zod';

import { tenantSchema } from './names.ts';
import { ROLES } from './roles.ts';
import type { Role } from './roles.ts';
import { parseDuration } from './time.ts';
import type { Duration } from './time.ts';

/*
 * How the text of a setting becomes a value: schemas for the table in settings.ts. A reader answers undefined for
 * what it does not take; the schema's error then says what was expected.
 */

export function text<T>(
	expected: string,
	read: (text: string) => T | undefined,
): z.ZodType<T, string> {
	return z.string().transform((input, context): T => {
		const value = read(input);
		if (value !== undefined) return value;
		context.addIssue({ code: 'custom', message: expected });
		return z.NEVER;
	});
}

export function integer(
	min: number,
	max: number,
	what = 'a whole number',
): z.ZodType<number, string> {
	return text(`${what} from ${min} to ${max}`, (input) => {
		const value = /^\d{1,15}$/.test(input) ? Number(input) : Number.NaN;
		return value >= min && value <= max ? value : undefined;
	});
}

export function duration(min: Duration, max: Duration, range: string): z.ZodType<Duration, string> {
	return text(`a duration like "90s", "5m" or "30d", ${range}`, (input) => {
		const value = parseDuration(input);
		return value !== undefined && value >= min && value <= max ? value : undefined;
	});
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** `1000000`, `500KB`, `2GB`; decimal units. */
export function size(min: number, max: number, range: string): z.ZodType<number, string> {
	return text(`a size like "500KB", "1MB" or "2GB", ${range}`, (input) => {
		const [, count, unit] = /^(\d{1,12})\s*(?:([kmg])?b)?$/i.exec(input) ?? [];
		const value = Number(count) * (SIZE_UNITS[(unit ?? '').toLowerCase()] ?? Number.NaN);
		return value >= min && value <= max ? value : undefined;
	});
}

/** Entries separated by commas; an entry that `read` does not take refuses the list. */
export function list<T>(
	expected: string,
	read: (entry: string) => T | undefined,
): z.ZodType<T[], string> {
	return text(expected, (input) => {
		const values: T[] = [];
		for (const entry of input.split(',').map((part) => part.trim())) {
			if (entry === '') continue;
			const value = read(entry);
			if (value === undefined) return undefined;
			values.push(value);
		}
		return values;
	});
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function readLog(
	input: string,
): { level: LogLevel; style: 'pretty' | 'json' | null } | undefined {
	const [, first, second] = /^([a-z]+)(?::([a-z]+))?$/.exec(input) ?? [];
	const level = LOG_LEVELS.find((known) => known === first);
	if (level === undefined) return undefined;
	if (second === undefined) return { level, style: null };
	return second === 'pretty' || second === 'json' ? { level, style: second } : undefined;
}

/** Without a trailing slash; may have a path, where a proxy mounts the engine below one. */
export function readPublicUrl(input: string): string | undefined {
	const url = URL.parse(input);
	if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
	if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
		return undefined;
	return url.href.replace(/\/+$/, '');
}

const KEY_ENTRY = /^[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=?$/;

/** The form only: security/keys.ts reads the keys. */
export function readKeys(input: string): string | undefined {
	return input.split(',').every((entry) => KEY_ENTRY.test(entry.trim())) ? input : undefined;
}

/** The form only: security/allow-list.ts reads the entries and says more. */
export function readEgress(entry: string): string | undefined {
	return /^[\w.:/[\]-]+$/.test(entry) ? entry : undefined;
}

export function readModule(entry: string): { name: string; path: string } | undefined {
	const [, name, path] = /^([a-z0-9][a-z0-9._-]{0,62})=(\S.*)$/.exec(entry) ?? [];
	return name === undefined || path === undefined ? undefined : { name, path };
}

const PACKAGE = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;

/** The name of a package, or a path, which begins with `.` or `/`. */
export function readPlugin(entry: string): string | undefined {
	return PACKAGE.test(entry) || /^\.{0,2}\//.test(entry) ? entry : undefined;
}

/** Where everything is kept. */
export type StoreSetting = { kind: 'sqlite' } | { kind: 'postgres' | 'mongodb'; url: string };

export function readStore(input: string): StoreSetting | undefined {
	if (input === 'sqlite') return { kind: 'sqlite' };
	// Several hosts, as MongoDB's have, are no URL.
	if (/^mongodb(\+srv)?:\/\/[^/\s]+(\/\S*)?$/.test(input)) return { kind: 'mongodb', url: input };
	const url = URL.canParse(input) ? new URL(input) : null;
	const isPostgres = url?.protocol === 'postgres:' || url?.protocol === 'postgresql:';
	return isPostgres ? { kind: 'postgres', url: input } : undefined;
}

/**
 * A URL, or what was meant to be one, as it may be shown: up to the last `@` everything may be a part of the password,
 * which in a URL that is wrong may hold any character.
 */
export function withoutLogin(url: string, instead = ''): string {
	return url.replace(/\/\/.*@/s, `//${instead}`);
}

/** In the order of `ROLES`, each once. */
export function readRoles(input: string): Role[] | undefined {
	const named = new Set(input.split(',').map((entry) => entry.trim()));
	if (named.delete('all')) return named.size === 0 ? [...ROLES] : undefined;
	const roles = ROLES.filter((role) => named.delete(role));
	return roles.length > 0 && named.size === 0 ? roles : undefined;
}

export function readWeight(entry: string): { tenant: string; weight: number } | undefined {
	const [, tenant, number] = /^(\S+?)=(\d{1,4}(?:\.\d{1,4})?)$/.exec(entry) ?? [];
	const weight = Number(number);
	if (tenant === undefined || !tenantSchema.safeParse(tenant).success) return undefined;
	return weight >= 0.01 && weight <= 1000 ? { tenant, weight } : undefined;
}

const FAULT_ENTRY = /^[\w.-]+:[1-9]\d{0,8}:(?:kill|hang|throw)$/;

export function readFault(input: string): string | undefined {
	return input.split(',').every((entry) => FAULT_ENTRY.test(entry.trim())) ? input : undefined;
}

/** The form only; its checksum is for the engine to check. */
export function readApiKey(input: string): string | undefined {
	return /^csk_[\w-]{20,120}$/.test(input) ? input : undefined;
}

export function readHost(input: string): string | undefined {
	return /^[a-z0-9:._%-]{1,253}$/i.test(input) ? input : undefined;
}

export function readPath(input: string): string | undefined {
	return input.includes('\0') ? undefined : input;
}
