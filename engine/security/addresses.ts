import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Services of cloud providers that hand credentials to whoever can reach them. */
const METADATA_ADDRESSES = [
	'169.254.169.254',
	'169.254.170.2',
	'169.254.170.23',
	'168.63.129.16',
	'100.100.100.200',
	'192.0.0.192',
	'fd00:ec2::254',
	'fd00:ec2::23',
	'fd20:ce::254',
].map((text) => ipaddr.parse(text));

const METADATA_NAMES: ReadonlySet<string> = new Set([
	'metadata',
	'metadata.goog',
	'metadata.google.internal',
	'instance-data',
	'instance-data.ec2.internal',
]);

const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');
const SIX_TO_FOUR = ipaddr.parseCIDR('2002::/16');
const V4_COMPATIBLE = ipaddr.parseCIDR('::/96');
/** All that IANA has given out as global unicast. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

/** Reads an address as a socket or a resolver writes it; v4-mapped ones become IPv4, zones are dropped. */
export function parseAddress(text: string): Address | null {
	const [address = ''] = text.split('%');
	// stricter than the library, which reads `10.1` as an address
	return isIP(address) > 0 ? ipaddr.process(address) : null;
}

/** The IPv4 address that an IPv6 one leads to by translation or tunnel. */
export function embeddedV4(address: Address): ipaddr.IPv4 | null {
	if (address.kind() !== 'ipv6') return null;
	const bytes = address.toByteArray();
	const within = (range: [Address, number]): boolean => matches(address, range);
	if (within(NAT64) || within(V4_COMPATIBLE)) return new ipaddr.IPv4(bytes.slice(12, 16));
	if (within(SIX_TO_FOUR)) return new ipaddr.IPv4(bytes.slice(2, 6));
	return null;
}

export function matches(address: Address, [network, bits]: [Address, number]): boolean {
	// the library's types know `match` per kind only
	return address.kind() === network.kind() && (address as ipaddr.IPv4).match(network, bits);
}

export function isMetadataName(host: string): boolean {
	return METADATA_NAMES.has(host);
}

/** Also by its translated and tunnelled spellings. */
export function isMetadata(address: Address): boolean {
	const embedded = embeddedV4(address);
	return METADATA_ADDRESSES.some(
		(known) =>
			matches(address, [known, known.toByteArray().length * 8]) ||
			(embedded !== null && matches(embedded, [known, 32])),
	);
}

export function isLoopback(address: Address): boolean {
	return address.range() === 'loopback';
}

/** What the address is for, when it is not on the public internet: `private`, `linkLocal`, `6to4` … */
export function unusualRange(address: Address): string | null {
	const range: string = address.range();
	if (range !== 'unicast') return range;
	if (address.kind() === 'ipv6' && !matches(address, GLOBAL_UNICAST)) return 'unassigned';
	return null;
}
