import type { Client, FTPResponse } from 'basic-ftp';

import type { Sum, SumAlgorithm } from '../shared/remote-files.ts';

/*
 * Sums that a server makes of a file. There are two ways, and servers tell by FEAT which they know:
 * draft-bryan-ftpext-hash-02 (`HASH`, its algorithm chosen by `OPTS HASH`), and the older `XSHA256`, `XMD5` …
 */

/** The best first. */
const KNOWN: readonly { algorithm: SumAlgorithm; name: string; command: string }[] = [
	{ algorithm: 'sha256', name: 'SHA-256', command: 'XSHA256' },
	{ algorithm: 'sha512', name: 'SHA-512', command: 'XSHA512' },
	{ algorithm: 'sha1', name: 'SHA-1', command: 'XSHA1' },
	{ algorithm: 'md5', name: 'MD5', command: 'XMD5' },
];
const HEX: Readonly<Record<SumAlgorithm, number>> = { sha256: 64, sha512: 128, sha1: 40, md5: 32 };

interface Way {
	algorithm: SumAlgorithm;
	/** What chooses the algorithm, for this connection. */
	choose: string | null;
	command: string;
}

/** How the server makes the best sum that it can make; null: it makes none. */
function wayOf(features: ReadonlyMap<string, string>): Way | null {
	const offered = new Map([...features].map(([name, about]) => [name.toUpperCase(), about]));
	const hashes = (offered.get('HASH') ?? '').toUpperCase().replaceAll('*', '').split(';');
	for (const { algorithm, name, command } of KNOWN) {
		if (hashes.includes(name)) return { algorithm, choose: `OPTS HASH ${name}`, command: 'HASH' };
		if (offered.has(command)) return { algorithm, choose: null, command };
	}
	return null;
}

/** Asks one server for sums. It is asked once what it can, when the first sum is wanted. */
export function createSums(client: Client): (path: string) => Promise<Sum | null> {
	let way: Way | null | undefined;

	async function find(): Promise<Way | null> {
		const found = wayOf(await client.features());
		if (found?.choose == null) return found;
		const chosen = await client.sendIgnoringError(found.choose);
		return chosen.code < 400 ? found : null;
	}

	return async (path) => {
		if (way === undefined) way = await find();
		if (way === null) return null;
		const { algorithm, command } = way;
		const asked = client.sendIgnoringError(`${command} ${path}`);
		// the server reads all of the file first: that may take longer than any other answer, within the attempt's time
		client.ftp.socket.setTimeout(0);
		const answer = await asked;
		if (answer.code >= 400) {
			// some promise it and do not know it; others refuse large files
			if (answer.code === 500 || answer.code === 502 || answer.code === 504) way = null;
			return null;
		}
		const hex = sumIn(answer, algorithm);
		return hex === null ? null : { algorithm, hex };
	};
}

/** A name that looks like one stands behind the sum, so the first counts. */
function sumIn({ message }: FTPResponse, algorithm: SumAlgorithm): string | null {
	const [, found] = new RegExp(`\\b([0-9a-f]{${HEX[algorithm]}})\\b`, 'i').exec(message) ?? [];
	return found?.toLowerCase() ?? null;
}
