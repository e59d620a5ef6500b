import { domainToASCII } from 'node:url';

/** One mailbox. */
export interface Mailbox {
	/** Shown beside the address; empty when there is none. */
	name: string;
	address: string;
}

const NAMED = /^(.*?)<([^<>]*)>$/s;
/** RFC 5322's dot-atom, with Unicode as RFC 6531 has it; quoted local parts are not taken. */
const LOCAL = /^[^\s\p{C}()<>[\]:;@\\,."]+(?:\.[^\s\p{C}()<>[\]:;@\\,."]+)*$/u;
/** In names, what would need quoting that readers disagree about. */
const NAME = /^[^\p{C}\p{Zl}\p{Zp}<>"@,;:\\]*$/u;
const LOCAL_BYTES = 64;
const ADDRESS_BYTES = 254;

/**
 * `ada@example.org` or `Ada Lovelace <ada@example.org>`; null for everything else. Read here, before the library
 * sees it: two readers of one address may see two, and a line break is a header of its own.
 */
export function parseMailbox(text: string): Mailbox | null {
	const named = NAMED.exec(text);
	const address = (named?.[2] ?? text).trim();
	const name = (named?.[1] ?? '').trim().replace(/^"(.*)"$/, '$1');
	return isAddress(address) && NAME.test(name) && name.length <= 200 ? { name, address } : null;
}

function isAddress(address: string): boolean {
	const at = address.lastIndexOf('@');
	const local = address.slice(0, at);
	const domain = address.slice(at + 1);
	return (
		at > 0 &&
		LOCAL.test(local) &&
		Buffer.byteLength(local) <= LOCAL_BYTES &&
		isDomain(domain) &&
		Buffer.byteLength(address) <= ADDRESS_BYTES
	);
}

/** Names only: a mail to an address literal goes to a machine that nobody named. */
export function isDomain(domain: string): boolean {
	const ascii = domainToASCII(domain);
	const labels = ascii.split('.');
	return (
		ascii.length <= 253 &&
		!/[\s\p{C}]/u.test(domain) &&
		labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)) &&
		!/^\d+$/.test(labels.at(-1) ?? '')
	);
}

/** The domain as it stands in a Message-ID. */
export function domainOf({ address }: Mailbox): string {
	return domainToASCII(address.slice(address.lastIndexOf('@') + 1));
}

/** @param allowed addresses, and domains as `@example.org`, which does not mean those below it */
export function isAllowed({ address }: Mailbox, allowed: readonly string[]): boolean {
	const domain = address.slice(address.lastIndexOf('@'));
	return allowed.some(
		(one) => one.toLowerCase() === (one.startsWith('@') ? domain : address).toLowerCase(),
	);
}
