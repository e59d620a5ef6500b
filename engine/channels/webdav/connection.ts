import { createHash } from 'node:crypto';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Egress } from '../../security/security.port.ts';
import type { FileConnection, OpenContext } from '../shared/file-server.port.ts';
import type { Answer } from '../shared/http-exchange.ts';
import { connectWebdav } from './client.ts';
import type { WebdavClient } from './client.ts';
import { hrefOf } from './settings.ts';
import type { WebdavSettings } from './settings.ts';

const ASK_KIND =
	'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>';
const ASK_SIZE =
	'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><getcontentlength/></prop></propfind>';

/** Connects, and looks at the uppermost folder, which shows whether the login is right and WebDAV is spoken. */
export async function openWebdav(
	settings: WebdavSettings,
	{ egress, clock, open }: { egress: Egress; clock: Clock; open: OpenContext },
): Promise<FileConnection> {
	const client = await connectWebdav(settings, { egress, clock, open });
	const { signal } = open;
	const close = (): void => {
		client.close();
	};
	signal.addEventListener('abort', close, { once: true });
	try {
		await open.step('login', async () => {
			const { status } = await propfind(client, '/', ASK_KIND, { doing: 'login' });
			if (status !== 207) throw noWebdav(status);
		});
		open.onProgress();
		return createConnection(client, settings);
	} catch (error) {
		client.close();
		throw signal.aborted ? signal.reason : error;
	} finally {
		signal.removeEventListener('abort', close);
	}
}

function noWebdav(status: number): CapError {
	return new CapError('TARGET_PROTOCOL', `no WebDAV there: PROPFIND was answered with ${status}`, {
		retry: 'later',
	});
}

async function propfind(
	client: WebdavClient,
	path: string,
	body: string,
	{ doing, fine = [] }: { doing: string; fine?: readonly number[] },
): Promise<Answer> {
	const headers = { depth: '0', 'content-type': 'application/xml; charset=utf-8' };
	return client.ask('PROPFIND', path, { doing, fine, headers, body });
}

function createConnection(client: WebdavClient, settings: WebdavSettings): FileConnection {
	/** What the answers told of the file that was written last. */
	let file: JsonObject = {};
	/** The sums of what was sent last, for comparison with those of the server. */
	let sent: { path: string; sha1: string; sha256: string } | null = null;

	function compare(answer: Answer, path: string): void {
		const checked = sent?.path === path ? checkSums(answer, sent) : null;
		if (checked !== null) file['checksum'] = checked;
	}

	async function sizeByProperty(path: string): Promise<number | null> {
		const doing = 'look for the file';
		const answer = await propfind(client, path, ASK_SIZE, { doing, fine: [404] });
		if (answer.status === 404) return null;
		const [, size] = /getcontentlength[^>]*>\s*(\d+)\s*</.exec(answer.text) ?? [];
		if (size !== undefined) return Number(size);
		throw new CapError('TARGET_PROTOCOL', 'the server tells no sizes', { retry: 'later' });
	}

	async function move(from: string, to: string, replace: boolean): Promise<Answer> {
		const url = new URL(hrefOf(settings, to));
		const named = async (destination: string, fine: readonly number[]): Promise<Answer> =>
			client.ask('MOVE', from, {
				doing: 'rename',
				fine,
				headers: { destination, overwrite: replace ? 'T' : 'F' },
			});
		const answer = await named(url.href, [400, 412, 502]);
		if (answer.status !== 400 && answer.status !== 502) return answer;
		// behind a proxy that ends TLS, Apache and others take the address for that of another server
		url.protocol = url.protocol === 'https:' ? 'http:' : 'https:';
		return named(url.href, [412]);
	}

	return {
		resumes: false,
		async sizeOf(path) {
			const headers = { 'accept-encoding': 'identity' };
			const doing = 'look for the file';
			const answer = await client.ask('HEAD', path, { doing, headers, fine: [404, 410] });
			if (answer.status === 404 || answer.status === 410) return null;
			compare(answer, path);
			const length = answer.headers['content-length'];
			return length === undefined ? sizeByProperty(path) : Number(length);
		},
		async write(path, source, { size, sha256, contentType }) {
			const sha1 = createHash('sha1');
			async function* counted(): AsyncGenerator<Uint8Array> {
				for await (const chunk of source) {
					sha1.update(chunk);
					yield chunk;
				}
			}
			const answer = await client.put(path, counted(), {
				'content-type': contentType,
				'content-length': String(size),
				'x-hash': 'sha256',
			});
			file = factsOf(answer);
			sent = { path, sha256, sha1: sha1.digest('hex') };
			compare(answer, path);
		},
		read: (path) => client.get(path),
		async move(from, to, { replace }) {
			const answer = await move(from, to, replace);
			const odd = ODD_NAME.test(to);
			if (answer.status === 412) {
				if (odd && (await this.sizeOf(to)) === null) throw misnamed(to);
				if (!replace) return false;
				throw new CapError('TARGET_BUSY', 'rename: locked: answered 412', { retry: 'later' });
			}
			if (answer.status === 207) {
				throw new CapError('TARGET_REFUSED', 'rename: the server refused it: answered 207', {
					retry: 'later',
				});
			}
			if (odd && (await this.sizeOf(to)) === null) throw misnamed(to);
			file = { ...file, ...factsOf(answer) };
			return true;
		},
		async remove(path) {
			await client.ask('DELETE', path, { doing: 'delete', fine: [404, 409, 410] });
		},
		async makeFolder(path) {
			let folder = '';
			for (const part of path.split('/').filter((one) => one !== '')) {
				folder += `${part}/`;
				const doing = 'make folder';
				// 405: it is there
				await client.ask('MKCOL', folder, { doing, fine: [405] }).catch(async (error: unknown) => {
					if (!(await this.hasFolder(folder))) throw error;
				});
			}
		},
		async hasFolder(path) {
			const folder = path.endsWith('/') ? path : `${path}/`;
			const doing = 'look for the folder';
			const { status } = await propfind(client, folder, ASK_KIND, { doing, fine: [404, 409] });
			return status === 207;
		},
		get facts() {
			return { ...(client.tls === null ? {} : { tls: client.tls }), ...file };
		},
		alive: () => client.alive(),
		close: () => {
			client.close();
		},
	};
}

/** There are servers that read the target of a MOVE wrong, and cut the name here (WsgiDAV 4.4). */
const ODD_NAME = /[;?#%]/;

/** Another attempt would be cut in the same place, and leave one more such file. */
function misnamed(path: string): CapError {
	return new CapError(
		'TARGET_PROTOCOL',
		`rename: the server gave the file another name than ${JSON.stringify(path)}: choose one without ; ? # %`,
	);
}

/** Nextcloud and ownCloud say which file it became. */
function factsOf({ headers }: Answer): JsonObject {
	const facts: JsonObject = {};
	for (const [name, header] of [
		['etag', 'etag'],
		['etag', 'oc-etag'],
		['fileId', 'oc-fileid'],
	] as const) {
		const [value] = [headers[header]].flat();
		if (value !== undefined) facts[name] = value;
	}
	return facts;
}

/**
 * Compares the sums that the server says it made of what it got: `X-Hash-SHA256` (Nextcloud, which was asked for it) or
 * `OC-Checksum` (ownCloud). @returns which one was compared. @throws CapError when other bytes arrived
 */
function checkSums({ headers }: Answer, ours: { sha256: string; sha1: string }): string | null {
	const [hash] = [headers['x-hash-sha256']].flat();
	const [sums = ''] = [headers['oc-checksum']].flat();
	const [, sha1] = /\bSHA1:([0-9a-f]{40})\b/i.exec(sums) ?? [];
	const pairs = [
		['sha256', hash, ours.sha256],
		['sha1', sha1, ours.sha1],
	] as const;
	for (const [name, theirs, mine] of pairs) {
		if (theirs === undefined) continue;
		if (theirs.toLowerCase() === mine) return name;
		throw new CapError('TARGET_FAULT', `other bytes arrived: the server's ${name} is ${theirs}`, {
			retry: 'later',
		});
	}
	return null;
}
