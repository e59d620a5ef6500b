import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { connect } from 'node:net';

import { hear, tell } from '../talk.ts';
import type { DownloadJob, DownloadReport } from './job.ts';

/**
 * Downloads one file after another, as often as it is asked. The client is a socket that reads into one buffer: what it
 * takes is the same for every server, and less than what any of them takes.
 */
const BUFFER = Buffer.allocUnsafeSlow(1_048_576);
const HEAD_END = Buffer.from('\r\n\r\n');

/** What has come of an answer with a length. */
class Body {
	bytes = 0;
	left = Infinity;
	readonly #hash: Hash | null;

	constructor(hash: Hash | null) {
		this.#hash = hash;
	}

	/** @returns what is wrong: another answer than 200 with a length, or a head that does not come at once */
	take(data: Buffer): Error | null {
		let part = data;
		if (this.left === Infinity) {
			const end = data.indexOf(HEAD_END);
			const head = data.toString('latin1', 0, Math.max(end, 0));
			const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
			if (!head.startsWith('HTTP/1.1 200') || length === undefined)
				return new Error(`expected 200 with a length, got ${data.toString('latin1', 0, 300)}`);
			this.left = Number(length);
			part = data.subarray(end + HEAD_END.length);
		}
		this.bytes += part.length;
		this.left -= part.length;
		this.#hash?.update(part);
		return null;
	}
}

const lines = hear();
tell({ ready: true });
for await (const line of lines) {
	const job: DownloadJob = JSON.parse(line);
	tell(await download(job));
}

function download({ url, hashed }: DownloadJob): Promise<DownloadReport> {
	const { hostname, port, host, pathname } = new URL(url);
	const hash = hashed ? createHash('sha256') : null;
	const began = performance.now();
	return new Promise((resolve, reject) => {
		const body = new Body(hash);
		const socket = connect({
			host: hostname,
			port: Number(port),
			onread: {
				buffer: BUFFER,
				callback(length) {
					const wrong = body.take(BUFFER.subarray(0, length));
					if (wrong !== null) {
						reject(wrong);
						socket.destroy();
						return false;
					}
					if (body.left > 0) return true;
					const milliseconds = performance.now() - began;
					resolve({ bytes: body.bytes, milliseconds, hash: hash?.digest('hex') ?? null });
					socket.destroy();
					return false;
				},
			},
		});
		socket.on('error', reject);
		socket.on('close', () => {
			reject(new Error(`${url}: closed when ${body.left} bytes were missing`));
		});
		socket.write(`GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
	});
}
