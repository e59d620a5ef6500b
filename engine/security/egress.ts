import { promises as dns } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction, OnReadOpts, Socket } from 'node:net';
import { Agent, buildConnector } from 'undici';

import { CapError } from '../contract/errors.ts';
import {
	embeddedV4,
	isLoopback,
	isMetadata,
	isMetadataName,
	parseAddress,
	unusualRange,
} from './addresses.ts';
import { parseAllowList } from './allow-list.ts';
import { blocked, canonicalName, parseHost, parseUrl, withoutBrackets } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import type { Egress } from './security.port.ts';
import { createHttp1Client } from './http1/client.ts';
import { openSocket, unreachable } from './socket.ts';

export interface EgressOptions {
	/** Hosts, `host:port` and CIDRs that may be called although the rules refuse them. */
	allow: readonly string[];
	/** Lets loopback literals and `localhost` through; no other name may lead there. */
	allowLoopback: boolean;
	/** Refuses plain HTTP to the public internet. What `allow` or `allowLoopback` vouch for may be plain. */
	httpsOnly: boolean;
	/** Sockets per origin at most; default 256. */
	connections?: number;
	/** All addresses of a name; default the system's resolver. */
	resolve?: (hostname: string) => Promise<LookupAddress[]>;
}

const DEFAULT_CONNECTIONS = 256;
const CONNECT_TIMEOUT = 10_000;

const isLocalhost = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost');

/**
 * The guard on every outgoing socket. Names are judged by all their addresses inside the connection's own
 * lookup, so that nothing can change between check and use; the socket's remote address is judged once more.
 * A connection that is reused was judged when it was made, so a request on it costs nothing here.
 */
export function createEgress(options: EgressOptions): Egress {
	const allow = parseAllowList(options.allow);
	const resolve = shareLookups(
		options.resolve ?? (async (hostname) => dns.lookup(hostname, { all: true })),
	);

	/** Why the address may not be called for this endpoint; null when it may. */
	function refusal(text: string, { host, port, plain }: Endpoint): string | null {
		const address = parseAddress(text);
		if (!address) return 'no address';
		if (isMetadata(address) && !allow.exactly(address, port)) return 'a metadata service';
		if (allow.name(host, port) || allow.exactly(address, port)) return null;
		if (allow.address(address, port)) {
			// a listed NAT64 prefix leads to all of IPv4: what it leads to is judged too
			const inner = embeddedV4(address);
			return inner === null ? null : refusal(inner.toString(), { host, port, plain });
		}
		if (isLoopback(address) && options.allowLoopback && (isIP(host) > 0 || isLocalhost(host))) {
			return null;
		}
		const range = unusualRange(address);
		if (range !== null) return `${range} address`;
		return plain && options.httpsOnly ? 'plain http' : null;
	}

	/** What can be said before any lookup. */
	function firstRefusal(endpoint: Endpoint): string | null {
		if (isIP(endpoint.host) > 0) return refusal(endpoint.host, endpoint);
		const vouched = allow.name(endpoint.host, endpoint.port);
		return isMetadataName(endpoint.host) && !vouched ? 'a metadata service' : null;
	}

	async function addressesOf(endpoint: Endpoint, path: string): Promise<LookupAddress[]> {
		const answers = await resolve(endpoint.host);
		for (const { address } of answers) {
			const reason = refusal(address, endpoint);
			if (reason !== null) throw blocked(path, endpoint.host, reason);
		}
		return answers;
	}

	async function check(endpoint: Endpoint, path: string): Promise<void> {
		const reason = firstRefusal(endpoint);
		if (reason !== null) throw blocked(path, endpoint.host, reason);
		if (isIP(endpoint.host) > 0) return;
		try {
			await addressesOf(endpoint, path);
		} catch (error) {
			if (error instanceof CapError) throw error;
			// a name that does not resolve now is judged when it is called, but for its protocol
			if (endpoint.plain && options.httpsOnly && !allow.name(endpoint.host, endpoint.port)) {
				throw blocked(path, endpoint.host, 'plain http');
			}
		}
	}

	const lookupFor =
		(port: number, plain: boolean): LookupFunction =>
		(hostname, { all, family }, callback) => {
			const wanted =
				family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : 0;
			addressesOf({ host: canonicalName(hostname), port, plain }, 'url').then(
				(answers) => {
					const usable = answers.filter((a) => wanted === 0 || a.family === wanted);
					const [first] = usable;
					if (!first) callback(notFound(hostname), '', 0);
					else if (all) callback(null, usable);
					else callback(null, first.address, first.family);
				},
				(error: unknown) => {
					callback(error as NodeJS.ErrnoException, '', 0);
				},
			);
		};

	/** For which ports other rules may hold: one number for all that share theirs. */
	const rulesOf = (port: number): number => (allow.ports.has(port) ? port : 0);

	// undici passes what it does not know on to net.connect and tls.connect
	type Passed = buildConnector.BuildOptions & { lookup: LookupFunction; onread?: OnReadOpts };
	const passed = ({ port, plain }: Endpoint): Passed => ({
		timeout: CONNECT_TIMEOUT,
		allowH2: false,
		// said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot take it back
		rejectUnauthorized: true,
		lookup: lookupFor(rulesOf(port), plain),
	});

	/** One connector for every set of rules that can differ: connectors keep TLS sessions. */
	const connectors = new Map<string, buildConnector.connector>();
	function connectorFor(endpoint: Endpoint): buildConnector.connector {
		const key = `${rulesOf(endpoint.port)}${endpoint.plain ? ' plain' : ''}`;
		let connector = connectors.get(key);
		if (!connector) {
			connector = buildConnector(passed(endpoint));
			connectors.set(key, connector);
		}
		return connector;
	}

	/** Sockets whose bytes are written over once their listeners have seen them. TLS has its own buffers. */
	function reusingConnectorFor(endpoint: Endpoint): buildConnector.connector {
		if (!endpoint.plain) return connectorFor(endpoint);
		return buildConnector({ ...passed(endpoint), onread: intoOneBuffer() });
	}

	function afterConnect(socket: Socket, endpoint: Endpoint): Error | null {
		const reached = socket.remoteAddress;
		if (reached === undefined) return new Error('the connection was closed at once');
		const reason = refusal(reached, endpoint);
		return reason === null ? null : blocked('url', endpoint.host, reason);
	}

	const guarded =
		(of: typeof connectorFor): buildConnector.connector =>
		(target, callback) => {
			const plain = target.protocol !== 'https:';
			const port = Number(target.port) || (plain ? 80 : 443);
			const endpoint = { host: canonicalName(withoutBrackets(target.hostname)), port, plain };
			const reason = firstRefusal(endpoint);
			if (reason !== null) {
				queueMicrotask(() => {
					callback(blocked('url', endpoint.host, reason), null);
				});
				return;
			}
			of(endpoint)(target, (error, socket) => {
				if (error !== null) {
					callback(error, null);
					return;
				}
				const wrong = afterConnect(socket, endpoint);
				if (wrong === null) callback(null, socket);
				else {
					socket.destroy();
					callback(wrong, null);
				}
			});
		};
	const connections = options.connections ?? DEFAULT_CONNECTIONS;
	const agent = new Agent({
		connections,
		pipelining: 1,
		allowH2: false,
		connect: guarded(connectorFor),
	});
	const http = createHttp1Client({ connect: guarded(reusingConnectorFor), connections });

	return {
		dispatcher: agent,
		http,
		withCertificates: ({ ca, cert, key }) =>
			new Agent({
				connections,
				pipelining: 1,
				allowH2: false,
				connect: guarded((endpoint) =>
					buildConnector({
						...passed(endpoint),
						...(ca === undefined ? {} : { ca }),
						...(cert === undefined ? {} : { cert }),
						...(key === undefined ? {} : { key }),
					}),
				),
			}),
		async checkUrl(url, path) {
			await check(parseUrl(url, path), path);
		},
		async checkHost(host, port, path) {
			await check({ host: parseHost(host, path), port, plain: false }, path);
		},
		async addressesOf(host, port, { path, plain = false }) {
			const endpoint = { host: parseHost(host, path), port, plain };
			const reason = firstRefusal(endpoint);
			if (reason !== null) throw blocked(path, endpoint.host, reason);
			if (isIP(endpoint.host) > 0) return [endpoint.host];
			try {
				return (await addressesOf(endpoint, path)).map(({ address }) => address);
			} catch (error) {
				throw error instanceof CapError ? error : unreachable(endpoint, error as Error);
			}
		},
		async connect(host, port, { signal, timeout, address, plain = false }) {
			const endpoint = { host: parseHost(host, 'host'), port, plain };
			const reason =
				firstRefusal(endpoint) ?? (address === undefined ? null : refusal(address, endpoint));
			if (reason !== null) throw blocked('host', endpoint.host, reason);
			const socket = await openSocket(
				{ ...endpoint, host: address ?? endpoint.host },
				lookupFor(port, plain),
				{ signal, timeout },
			);
			const wrong = afterConnect(socket, endpoint);
			if (wrong === null) return socket;
			socket.destroy();
			throw wrong instanceof CapError ? wrong : unreachable(endpoint, wrong);
		},
		async close() {
			http.close();
			await agent.destroy();
		},
	};
}

/** As much as Node reads at once. Only the pages that bytes come into are ever taken. */
const READ_SIZE = 65_536;

/** Without it, Node takes 64 KB for each read, and gives most of it back: the most expensive part of a small answer. */
function intoOneBuffer(): OnReadOpts {
	return {
		buffer: Buffer.allocUnsafeSlow(READ_SIZE),
		callback(this: Socket, length: number, buffer: Buffer) {
			this.emit('data', buffer.subarray(0, length));
			return true;
		},
	};
}

/** Many connections to one name at once ask the resolver once. Nothing is kept beyond the answer. */
function shareLookups(
	resolve: (hostname: string) => Promise<LookupAddress[]>,
): (hostname: string) => Promise<LookupAddress[]> {
	const flying = new Map<string, Promise<LookupAddress[]>>();
	return (hostname) => {
		const known = flying.get(hostname);
		if (known) return known;
		const asked = resolve(hostname).finally(() => flying.delete(hostname));
		flying.set(hostname, asked);
		return asked;
	};
}

function notFound(hostname: string): NodeJS.ErrnoException {
	return Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' });
}
