import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';

import type { Sealed } from '../contract/sealed.ts';
import type { Duration } from '../contract/time.ts';

/** One request over HTTP/1.1. Its parts are ASCII without control characters, but for the body: bytes, or text in UTF-8. */
export interface HttpRequest {
	/** `https://host:port` */
	origin: string;
	path: string;
	method: 'GET' | 'POST' | 'PUT';
	/** Name, value, name, value; without `host`, `connection` and what tells of the body's length. */
	headers: readonly string[];
	/** Sent before those: the same array in each request of a kind, so that it is checked and written once. */
	fixedHeaders?: readonly string[];
	body: string | Uint8Array | null;
}

/** A request under way. */
export interface HttpExchange {
	/** Ends it with its connection; `onError` is called with the reason. Does nothing when it is over. */
	abort(reason: Error): void;
	/** Some more bytes may come. */
	pause(): void;
	resume(): void;
}

/** Called in this order: `onStart`, `onHead`, `onData` any number of times, and in the end `onEnd` or `onError`. */
export interface HttpListener {
	/** Right before it is sent: the last moment to break it off. Not called when no connection was made. */
	onStart(exchange: HttpExchange): void;
	/** Names in lower case. Answers of 1xx are left out. */
	onHead(exchange: HttpExchange, status: number, headers: IncomingHttpHeaders): void;
	onData(exchange: HttpExchange, bytes: Buffer): void;
	onEnd(): void;
	/** The guard's, the socket's, the abort's, or that of an answer which is none. */
	onError(error: Error): void;
}

export interface HttpClient {
	dispatch(request: HttpRequest, listener: HttpListener): void;
}

/** The one way out of the engine. Every outgoing socket is made here. */
export interface Egress {
	/**
	 * Refuses what must not be called: protocol, userinfo, literal or resolved addresses.
	 * @throws CapError EGRESS_BLOCKED naming `path`
	 */
	checkUrl(url: string, path: string): Promise<void>;
	/** The same for protocols that are no URLs. */
	checkHost(host: string, port: number, path: string): Promise<void>;
	/**
	 * The addresses that a connection would be made to, for tests of destinations: all of them are allowed.
	 * `plain`: unencrypted HTTP. @throws CapError EGRESS_BLOCKED, TARGET_UNREACHABLE when there is none
	 */
	addressesOf(
		host: string,
		port: number,
		options: { path: string; plain?: boolean },
	): Promise<string[]>;
	/** For undici: looks every address up through the guard, checks the socket again, follows no redirect. */
	readonly dispatcher: Dispatcher;
	/**
	 * The same dispatcher with certificates of its own: an authority to trust instead of the public ones, and what the
	 * engine shows of itself. Whoever asked for it destroys it.
	 */
	withCertificates(tls: {
		ca?: string | undefined;
		cert?: string | undefined;
		key?: string | undefined;
	}): Dispatcher;
	/** The same for small messages, at a fraction of the cost. */
	readonly http: HttpClient;
	/**
	 * A connected TCP socket for clients that take one. `address`: where exactly, judged as one of the host's, for
	 * protocols that need a second connection to the machine of the first (FTP). `plain`: for HTTP without TLS.
	 * @throws CapError
	 */
	connect(
		host: string,
		port: number,
		options: { signal?: AbortSignal; timeout: Duration; address?: string; plain?: boolean },
	): Promise<Socket>;
	close(): Promise<void>;
}

/** What a sealed secret is bound to: it opens nowhere else. */
export interface SealBinding {
	tenant: string;
	type: string;
	id: string;
	field: string;
}

/** Secrets at rest: AES-256-GCM under a data key of its own, which is wrapped by the active key. */
export interface Sealing {
	seal(plain: string, binding: SealBinding): Sealed;
	/** @throws CapError INTERNAL when it was changed, moved, or its key is not configured */
	open(sealed: Sealed, binding: SealBinding): string;
}

/** Which keys an engine has, by fingerprints. */
export interface KeyRing {
	/** The id of the key that seals. */
	active: string;
	/** All that it can open with: fingerprints by id. */
	known: Record<string, string>;
	/** The fingerprint of the key that the hashes of API keys, and the tokens of attempts, hang on. */
	root: string;
}

/** Standard Webhooks 1.0. While a secret is rotated, `secret` is two, separated by a space, and both sign. */
export interface Signer {
	/** `whsec_` and base64 of 32 random bytes. */
	generateSecret(): string;
	/** Whether the text is `whsec_` and base64 of 24 to 64 bytes. */
	isSecret(text: string): boolean;
	/** The three headers for exact bytes. `timestamp` in seconds. */
	sign(
		secret: string,
		message: { id: string; timestamp: number; body: Uint8Array | string },
	): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>;
	/** The same for a body that is read as a stream. */
	signStream(
		secret: string,
		message: { id: string; timestamp: number; body: AsyncIterable<Uint8Array> },
	): Promise<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>>;
}

/** Opaque tokens: links, session tokens, API keys. */
export interface Tokens {
	/** 43 base64url characters of 32 random bytes. */
	randomSecret(): string;
	/** SHA-256, hexadecimal. */
	hash(secret: string): string;
	/** The token of one attempt: an HMAC over run and epoch under the engine's key, so nothing is stored. */
	sessionToken(runId: string, epoch: number): string;
	/** The run and epoch that the token is for, or null when it is forged or malformed. Constant time. */
	readSessionToken(token: string): { runId: string; epoch: number } | null;
	/** `csk_{keyId}_{43 base64url}{6 base62 CRC32}` for a new key, with the hash to store. */
	newApiKey(keyId: string): { token: string; hash: string };
	/** The key's id and the hash to compare, or null when the form or the checksum is wrong. */
	readApiKey(token: string): { keyId: string; hash: string } | null;
	/** Constant time. */
	equal(a: string, b: string): boolean;
}
