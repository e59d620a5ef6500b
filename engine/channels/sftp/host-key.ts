import { createHash } from 'node:crypto';

/** A pinned key: its fingerprint, and its kind where that is known. */
export interface HostKey {
	/** Base64 of the SHA-256, without padding. */
	fingerprint: string;
	type: string | null;
}

const FINGERPRINT = /^SHA256:([A-Za-z0-9+/]{43})=?$/;
/** Also as `known_hosts` and `ssh-keyscan` have it, with the host in front. */
const PUBLIC_KEY = /^(?:\S+ )?((?:ssh|ecdsa|sk)-[\w@.-]+) ([A-Za-z0-9+/]{40,}={0,2})(?: .*)?$/;

/** Null when the text is neither a fingerprint nor a public key. */
export function readHostKey(text: string): HostKey | null {
	const trimmed = text.trim();
	const [, fingerprint] = FINGERPRINT.exec(trimmed) ?? [];
	if (fingerprint !== undefined) return { fingerprint, type: null };
	const [, type, body] = PUBLIC_KEY.exec(trimmed) ?? [];
	if (type === undefined || body === undefined) return null;
	const key = Buffer.from(body, 'base64');
	return typeOf(key) === type ? { fingerprint: fingerprintOf(key), type } : null;
}

export function fingerprintOf(key: Buffer): string {
	return createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
}

/** The first string of a public key on the wire (RFC 4253, 6.6). */
export function typeOf(key: Buffer): string {
	if (key.length < 4) return '';
	const length = key.readUInt32BE(0);
	return length > 64 ? '' : key.toString('latin1', 4, 4 + length);
}

/** The algorithms to agree on, by the kind of key that each leads to. Best first. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
	'ssh-ed25519': ['ssh-ed25519'],
	'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
	'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
	'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
	'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/**
 * What to ask the server for: the kinds that are pinned, so that it does not show another of its keys. Where only
 * fingerprints are known, any kind but those that were shown already.
 */
export function algorithmsFor(keys: readonly HostKey[], shown: ReadonlySet<string>): string[] {
	const types = keys.map(({ type }) => type);
	const wanted = types.includes(null) ? Object.keys(ALGORITHMS) : types;
	return Object.keys(ALGORITHMS)
		.filter((type) => wanted.includes(type) && !shown.has(type))
		.flatMap((type) => ALGORITHMS[type] ?? []);
}
