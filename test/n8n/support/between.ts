import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Passing {
	method: string;
	path: string;
	headers: IncomingHttpHeaders;
	body: Buffer;
}

export interface Answer {
	status: number;
	headers: IncomingHttpHeaders;
	body: Buffer;
	/** What the server said after the body. */
	trailers: Record<string, string>;
}

/** What has gone through: a request, and the status of its answer. */
export type Passed = Passing & { status: number };

/** Of one connection only; the proxy has its own. */
const HOP = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'];

/**
 * A load balancer as one stands before a server: it passes on byte for byte, remembers what passed, and can be told
 * to do what networks do, send twice or take its time.
 */
export class Between {
	url = '';
	readonly passed: Passed[] = [];
	/** How a request is passed on; by default once, at once. */
	around: (passing: Passing, pass: () => Promise<Answer>) => Promise<Answer> = (_, pass) => pass();
	readonly #port: number;
	readonly #server = createServer((incoming, outgoing) => {
		this.#take(incoming).then(
			({ status, headers, body, trailers }) => {
				// what has trailers comes in pieces, and so has no length
				const length = 'trailer' in headers ? {} : { 'content-length': body.length };
				outgoing.writeHead(status, { ...endToEnd(headers), ...length });
				outgoing.addTrailers(trailers);
				outgoing.end(body);
			},
			() => outgoing.destroy(),
		);
	});

	/** @param port of loopback, where the server is that it stands before */
	constructor(port: number) {
		this.#port = port;
	}

	async open(): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
		return this;
	}

	close(): void {
		this.#server.closeAllConnections();
		this.#server.close();
	}

	async #take(incoming: IncomingMessage): Promise<Answer> {
		const { method = 'GET', url: path = '/', headers } = incoming;
		const passing = { method, path, headers, body: await whole(incoming) };
		return this.around(passing, async () => {
			const answer = await pass(this.#port, passing);
			this.passed.push({ ...passing, status: answer.status });
			return answer;
		});
	}
}

async function pass(port: number, { method, path, headers, body }: Passing): Promise<Answer> {
	const sent = httpRequest({ host: '127.0.0.1', port, method, path, agent: false });
	for (const [name, value] of Object.entries(endToEnd(headers))) {
		if (value !== undefined) sent.setHeader(name, value);
	}
	sent.setHeader('content-length', body.length);
	sent.end(body);
	const [answer] = (await once(sent, 'response')) as [IncomingMessage];
	const { statusCode = 0, headers: answered } = answer;
	const content = await whole(answer);
	const trailers = answer.trailers as Record<string, string>;
	return { status: statusCode, headers: answered, body: content, trailers };
}

const endToEnd = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
	Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.includes(name)));

async function whole(message: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
	return Buffer.concat(chunks);
}
