import type { Key, PrivateKey } from 'openpgp';

import type { CapError } from '../../contract/errors.ts';
import { inputError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { PackedFile, Packaging, PackWork } from '../packaging.port.ts';

type OpenPgp = typeof import('openpgp');

/** As `packageSchema` has it, and the secrets beside it. */
interface PgpOptions {
	recipients?: string[];
	signingKey?: string;
	passphrase?: string;
	armor?: boolean;
}

interface Keys {
	encryption: Key[];
	signing: PrivateKey | undefined;
}

const optionsOf = (options: JsonObject): PgpOptions => options;

/**
 * OpenPGP (RFC 9580, in the form of RFC 4880 that every program reads): encrypted, signed, or both. Streamed: a
 * file is as large as it likes.
 */
export const pgp: Packaging = {
	name: 'pgp',
	contentType: () => 'application/pgp-encrypted',
	rename: (filename, _extension, options) => `${filename}.${ending(options)}`,
	extension: (extension, options) => `${extension}.${ending(options)}`,
	async check(options, at) {
		await readKeys(await load(), optionsOf(options), at);
	},
	async *pack([file], work) {
		if (file !== undefined) yield* protect(file, work);
	},
};

const ending = (options: JsonObject): string => (optionsOf(options).armor === true ? 'asc' : 'pgp');

/** 17 MB that most engines never need. */
const load = async (): Promise<OpenPgp> => import('openpgp');

async function* protect(
	file: PackedFile,
	{ options, modifiedAt, at }: PackWork,
): AsyncGenerator<Uint8Array> {
	const openpgp = await load();
	const given = optionsOf(options);
	const { encryption, signing } = await readKeys(openpgp, given, at);
	const message = await openpgp.createMessage({
		binary: ReadableStream.from(file.bytes()) as never,
		filename: file.name,
		date: new Date(modifiedAt),
	});
	const shared = {
		message,
		date: new Date(at),
		// gpg 2.2 reads no AEAD
		config: { aeadProtect: false },
		...(signing === undefined ? {} : { signingKeys: signing }),
	};
	const armored = given.armor === true;
	const made: unknown =
		encryption.length > 0
			? armored
				? await openpgp.encrypt({ ...shared, encryptionKeys: encryption, format: 'armored' })
				: await openpgp.encrypt({ ...shared, encryptionKeys: encryption, format: 'binary' })
			: armored
				? await openpgp.sign({ ...shared, signingKeys: signing!, format: 'armored' })
				: await openpgp.sign({ ...shared, signingKeys: signing!, format: 'binary' });
	for await (const chunk of made as AsyncIterable<Uint8Array | string>) {
		yield typeof chunk === 'string' ? Buffer.from(chunk, 'ascii') : chunk;
	}
}

async function readKeys(openpgp: OpenPgp, options: PgpOptions, at: number): Promise<Keys> {
	const date = new Date(at);
	const encryption: Key[] = [];
	for (const [index, text] of (options.recipients ?? []).entries()) {
		const path = `recipients[${index}]`;
		encryption.push(...(await recipientsIn(openpgp, text, { path, date })));
	}
	const signing =
		options.signingKey === undefined ? undefined : await signerOf(openpgp, options, date);
	return { encryption, signing };
}

async function recipientsIn(
	openpgp: OpenPgp,
	text: string,
	{ path, date }: { path: string; date: Date },
): Promise<Key[]> {
	const keys = await openpgp.readKeys({ armoredKeys: text }).catch((): Key[] => []);
	if (keys.length === 0) throw wrong(path, 'an armored OpenPGP public key');
	for (const key of keys) {
		if (key.isPrivate())
			throw wrong(path, 'a public key; this is a private one: keep it to yourself');
		await key.getEncryptionKey(undefined, date).catch((error: unknown) => {
			throw wrong(path, `a key that can encrypt now; of ${nameOf(key)}: ${wordsOf(error)}`);
		});
	}
	return keys;
}

async function signerOf(
	openpgp: OpenPgp,
	{ signingKey = '', passphrase }: PgpOptions,
	date: Date,
): Promise<PrivateKey> {
	const locked = await openpgp.readPrivateKey({ armoredKey: signingKey }).catch(() => {
		throw wrong('signingKey', 'an armored OpenPGP private key');
	});
	const key = locked.isDecrypted() ? locked : await unlock(openpgp, locked, passphrase);
	await key.getSigningKey(undefined, date).catch((error: unknown) => {
		throw wrong('signingKey', `a key that can sign now; of ${nameOf(key)}: ${wordsOf(error)}`);
	});
	return key;
}

async function unlock(
	openpgp: OpenPgp,
	locked: PrivateKey,
	passphrase: string | undefined,
): Promise<PrivateKey> {
	if (passphrase === undefined) throw wrong('passphrase', 'the passphrase of the signing key');
	return openpgp.decryptKey({ privateKey: locked, passphrase }).catch(() => {
		throw wrong('passphrase', `the passphrase of ${nameOf(locked)}`);
	});
}

const nameOf = (key: Key): string => `key ${key.getKeyID().toHex().toUpperCase()}`;

const wordsOf = (error: unknown): string =>
	error instanceof Error ? error.message.replace(/^.*?: /, '') : 'of no use';

function wrong(path: string, expected: string): CapError {
	return inputError('INVALID_REQUEST', { path, expected });
}
