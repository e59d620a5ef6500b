import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

import { inputError } from '../contract/errors.ts';
import type { Address } from './addresses.ts';
import { matches, parseAddress } from './addresses.ts';

/** What the operator vouches for, from CAPSCHEDULER_EGRESS_ALLOW. */
export interface AllowList {
	/** Ports that any entry names; for every other port only entries without a port count. */
	readonly ports: ReadonlySet<number>;
	name(host: string, port: number): boolean;
	address(address: Address, port: number): boolean;
	/** Whether this very address is listed, not only a network around it. */
	exactly(address: Address, port: number): boolean;
}

interface Entry {
	name?: string;
	network?: [Address, number];
	port?: number;
}

const NAME =
	/^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Reads `host`, `host:port`, `10.0.0.0/8`, `fd00::/8`, `::1` and `[::1]:8080`.
 * @throws CapError INVALID_REQUEST naming the entry
 */
export function parseAllowList(entries: readonly string[]): AllowList {
	const parsed = entries.map((text, index) => parseEntry(text.trim().toLowerCase(), index));
	const portFits = (entry: Entry, port: number): boolean =>
		entry.port === undefined || entry.port === port;
	const bits = (address: Address): number => address.toByteArray().length * 8;
	return {
		ports: new Set(parsed.flatMap((entry) => entry.port ?? [])),
		name: (host, port) => parsed.some((entry) => entry.name === host && portFits(entry, port)),
		address: (address, port) =>
			parsed.some(
				(entry) =>
					entry.network !== undefined && portFits(entry, port) && matches(address, entry.network),
			),
		exactly: (address, port) =>
			parsed.some(
				(entry) =>
					entry.network?.[1] === bits(address) &&
					portFits(entry, port) &&
					matches(address, entry.network),
			),
	};
}

function parseEntry(text: string, index: number): Entry {
	if (text.includes('/')) {
		const [network = ''] = text.split('/');
		if (isIP(network) > 0 && ipaddr.isValidCIDR(text)) return { network: ipaddr.parseCIDR(text) };
	} else {
		const { host, port } = splitPort(text);
		const portOk = port === undefined || (port >= 1 && port <= 65_535);
		const address = parseAddress(host);
		const rest = port === undefined ? {} : { port };
		if (portOk && address) return { network: [address, address.toByteArray().length * 8], ...rest };
		const name = host.replace(/\.$/, '');
		// digits and dots alone are a mistyped address, never a name
		if (portOk && NAME.test(name) && !/^[\d.]+$/.test(name)) return { name, ...rest };
	}
	throw inputError('INVALID_REQUEST', {
		path: `CAPSCHEDULER_EGRESS_ALLOW[${index}]`,
		expected: 'a host, host:port or CIDR like "crm.internal", "127.0.0.1:8080", "10.0.0.0/8"',
		received: JSON.stringify(text.slice(0, 100)),
	});
}

function splitPort(text: string): { host: string; port?: number } {
	const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
	const plain = /^([^:]+):(\d{1,5})$/.exec(text);
	const [, host, port] = bracketed ?? plain ?? [];
	if (host === undefined) return { host: text };
	return port === undefined ? { host } : { host, port: Number(port) };
}
