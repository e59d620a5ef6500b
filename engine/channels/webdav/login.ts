import { createHash, randomBytes } from 'node:crypto';

import { CapError } from '../../contract/errors.ts';
import type { WebdavSettings } from './settings.ts';

/** Shows who asks, as the server wants it shown. */
export interface Login {
	/** The `Authorization` of the next request; undefined while nobody asked for one. */
	headerFor(request: { method: string; uri: string }): string | undefined;
	/**
	 * Takes the challenges of a 401. Whether the same request may do better now.
	 * @throws CapError when none of them can be answered
	 */
	challenged(headers: string | string[] | undefined): boolean;
	/** Something else than a 401 was answered: what was shown is right. */
	accepted(): void;
	/** True where a 401 can still come though the login is right: bytes that are sent once must not meet it. */
	readonly unsure: boolean;
}

interface Challenge {
	scheme: string;
	parameters: Record<string, string>;
}

/** Of RFC 7616; the first that is known here is taken, as servers list what they like best first. */
const HASHES: Readonly<Record<string, string>> = {
	md5: 'md5',
	'sha-256': 'sha256',
	'sha-512-256': 'sha512-256',
};

/** @param random the client's part in a digest; another one for each request */
export function createLogin(
	{ user, password, token, auth }: Pick<WebdavSettings, 'user' | 'password' | 'token' | 'auth'>,
	random = (): string => randomBytes(16).toString('hex'),
): Login {
	if (token !== undefined) return fixed(`Bearer ${token}`);
	if (user === undefined || password === undefined) return fixed(undefined);
	const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
	if (auth === 'basic') return fixed(basic);
	let digest: ReturnType<typeof createDigest> | null = null;
	let asked = false;
	let proven = false;
	return {
		headerFor: (request) => digest?.(request) ?? (asked ? basic : undefined),
		accepted() {
			proven = digest !== null;
		},
		challenged(headers) {
			const challenges = readChallenges(headers);
			const wanted = challenges.find(isAnswerable);
			if (wanted !== undefined) {
				const stale = proven || wanted.parameters['stale']?.toLowerCase() === 'true';
				const first = digest === null;
				digest = createDigest(wanted.parameters, { user, password, random });
				proven = false;
				return first || stale;
			}
			const mayBasic = auth === 'auto' && challenges.some(({ scheme }) => scheme === 'basic');
			if (!mayBasic) throw noCommonWay(challenges, auth);
			const first = !asked;
			asked = true;
			return first;
		},
		get unsure() {
			return digest !== null || !asked;
		},
	};
}

function fixed(header: string | undefined): Login {
	return {
		headerFor: () => header,
		challenged: () => false,
		accepted: () => undefined,
		unsure: false,
	};
}

function isAnswerable({ scheme, parameters }: Challenge): boolean {
	const { algorithm = 'MD5', qop, nonce } = parameters;
	const hash = HASHES[algorithm.toLowerCase().replace(/-sess$/, '')];
	const plain = qop === undefined || /(?:^|[\s,])auth(?:$|[\s,])/i.test(qop);
	return scheme === 'digest' && hash !== undefined && nonce !== undefined && plain;
}

function noCommonWay(challenges: readonly Challenge[], auth: string): CapError {
	const offered = [...new Set(challenges.map(({ scheme }) => scheme))].join(', ') || 'none';
	const wanted = auth === 'digest' ? 'digest' : 'digest or basic';
	return new CapError(
		'TARGET_PROTOCOL',
		`the server offers no ${wanted} authentication, but: ${offered}`,
		{ retry: 'later' },
	);
}

/** RFC 7616, 3.4. Each request counts, so that none can be sent again by who reads along. */
function createDigest(
	{ realm = '', nonce = '', algorithm, qop, opaque }: Record<string, string>,
	{ user, password, random }: { user: string; password: string; random: () => string },
): (request: { method: string; uri: string }) => string {
	const name = (algorithm ?? 'MD5').toLowerCase();
	const hash = (text: string): string =>
		createHash(HASHES[name.replace(/-sess$/, '')] ?? 'md5')
			.update(text)
			.digest('hex');
	let count = 0;
	return ({ method, uri }) => {
		count += 1;
		const nc = count.toString(16).padStart(8, '0');
		const cnonce = random();
		const plain = hash(`${user}:${realm}:${password}`);
		const who = name.endsWith('-sess') ? hash(`${plain}:${nonce}:${cnonce}`) : plain;
		const what = hash(`${method}:${uri}`);
		const protection = qop === undefined ? '' : `:${nc}:${cnonce}:auth`;
		const parts = [
			`username=${quote(user)}`,
			`realm=${quote(realm)}`,
			`nonce=${quote(nonce)}`,
			`uri=${quote(uri)}`,
			`response="${hash(`${who}:${nonce}${protection}:${what}`)}"`,
		];
		if (algorithm !== undefined) parts.push(`algorithm=${algorithm}`);
		if (opaque !== undefined) parts.push(`opaque=${quote(opaque)}`);
		if (qop !== undefined) parts.push('qop=auth', `nc=${nc}`);
		if (qop !== undefined || name.endsWith('-sess')) parts.push(`cnonce="${cnonce}"`);
		return `Digest ${parts.join(', ')}`;
	};
}

/** Headers are bytes: names beyond ASCII go as UTF-8, which Node writes byte by byte. */
function quote(text: string): string {
	return `"${Buffer.from(text.replace(/["\\]/g, '\\$&')).toString('latin1')}"`;
}

/** RFC 9110, 11.6.1: schemes with their parameters, several in one header or one in each. */
export function readChallenges(headers: string | string[] | undefined): Challenge[] {
	const challenges: Challenge[] = [];
	const pattern = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z][\w-]*)(?=[\s,]|$)/g;
	for (const header of [headers ?? []].flat()) {
		for (const [, name, quoted, bare, scheme] of header.matchAll(pattern)) {
			if (scheme !== undefined) {
				challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
			} else {
				const last = challenges.at(-1);
				const value = quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '';
				if (last && name !== undefined) last.parameters[name.toLowerCase()] = value;
			}
		}
	}
	return challenges;
}
