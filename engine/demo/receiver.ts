import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { Webhook } from 'standardwebhooks';

import { listen } from './listen.ts';
import type { Listening } from './listen.ts';

/** What a notification says; see docs/delivery.md. */
export interface RunNotice {
	type: string;
	data: {
		runId: string;
		state: string;
		resultUrl: string | null;
		deliveries: { target: string; state: string }[];
	};
}

export interface Receiver extends Listening {
	/** The first notice whose signature is good. */
	notice: Promise<RunNotice>;
}

/**
 * Where a user would hear how runs end. The signature is checked by the `standardwebhooks` package, over the bytes
 * as they came; whatever does not pass is refused.
 */
export async function receiveNotices(secret: string): Promise<Receiver> {
	const webhook = new Webhook(secret);
	const { promise, resolve } = Promise.withResolvers<RunNotice>();
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			try {
				const notice = webhook.verify(Buffer.concat(chunks), plain(request.headers)) as RunNotice;
				response.writeHead(204).end();
				resolve(notice);
			} catch {
				response.writeHead(401).end();
			}
		});
	});
	return { ...(await listen(server)), notice: promise };
}

function plain(headers: IncomingHttpHeaders): Record<string, string> {
	return Object.fromEntries(
		Object.entries(headers).map(([name, value]) => [
			name,
			Array.isArray(value) ? value.join(' ') : (value ?? ''),
		]),
	);
}
