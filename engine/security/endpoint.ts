import { isIP } from 'node:net';

import { inputError } from '../contract/errors.ts';
import type { CapError } from '../contract/errors.ts';

/** One place to call. `plain`: HTTP without TLS. */
export interface Endpoint {
	/** Lower case, without brackets and trailing dot. */
	host: string;
	port: number;
	plain: boolean;
}

export function parseUrl(text: string, path: string): Endpoint {
	const url = URL.canParse(text) ? new URL(text) : null;
	if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
		throw inputError('EGRESS_BLOCKED', { path, expected: 'an http or https URL' });
	}
	if (url.username !== '' || url.password !== '') {
		throw inputError('EGRESS_BLOCKED', { path, expected: 'a URL without user and password' });
	}
	const plain = url.protocol === 'http:';
	const port = url.port === '' ? (plain ? 80 : 443) : Number(url.port);
	return { host: canonicalName(withoutBrackets(url.hostname)), port, plain };
}

/** Spells a host as URLs do, so that `0x7f.1` and `2130706433` are seen for what they are. */
export function parseHost(host: string, path: string): string {
	const bare = withoutBrackets(host);
	const literal = isIP(bare) === 6 ? `[${bare}]` : /[/\\?#@:[\]\s]/.test(bare) ? '' : bare;
	const url = `http://${literal}/`;
	// a zone id makes no URL, so it is refused
	if (URL.canParse(url)) return canonicalName(withoutBrackets(new URL(url).hostname));
	throw inputError('EGRESS_BLOCKED', { path, expected: 'a host name or an IP address' });
}

export function canonicalName(host: string): string {
	return host.toLowerCase().replace(/\.$/, '');
}

/** The answers of the resolver stay here: they would tell outsiders about inner networks. */
export function blocked(path: string, host: string, reason: string): CapError {
	const expected =
		reason === 'plain http'
			? 'https'
			: 'a host on the public internet or in CAPSCHEDULER_EGRESS_ALLOW';
	const received = `${JSON.stringify(host.slice(0, 255))} (${reason})`;
	return inputError('EGRESS_BLOCKED', { path, expected, received });
}

export function withoutBrackets(host: string): string {
	return host.replace(/^\[|\]$/g, '');
}
