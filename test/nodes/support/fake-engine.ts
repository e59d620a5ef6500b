import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';

/** A request that is expected, and its answer. */
interface Expected {
	method: string;
	/** With the query, as sent; a path alone takes any query. */
	path: string;
	/** Text, or what the JSON is equal to. Undefined: whatever. */
	body?: unknown;
	/** Exactly these; undefined: must not be there. */
	headers?: Record<string, string | undefined>;
	status?: number;
	answer?: unknown;
	answerHeaders?: Record<string, string>;
}

export interface Received {
	method: string;
	path: string;
	headers: IncomingMessage['headers'];
	body: string;
}

/**
 * A real HTTP server that stands for the engine: it answers what the test expects, in any order and each once,
 * and all else with 599 and what it missed.
 */
export class FakeEngine {
	url = '';
	readonly received: Received[] = [];
	#expected: Expected[] = [];
	readonly #server = createServer((request, response) => {
		void this.#take(request).then(([status, body, headers]) => {
			response.writeHead(status, { connection: 'close', ...headers });
			response.end(body);
		});
	});

	async start(): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
		return this;
	}

	close(): void {
		this.#server.close();
	}

	expect(method: string, path: string, more: Omit<Expected, 'method' | 'path'> = {}): this {
		this.#expected.push({ method: method.toUpperCase(), path, ...more });
		return this;
	}

	/** What was expected and did not come. */
	get open(): string[] {
		return this.#expected.map(({ method, path }) => `${method} ${path}`);
	}

	async #take(request: IncomingMessage): Promise<[number, string, Record<string, string>]> {
		const chunks: Buffer[] = [];
		for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
		const { method = '', url: path = '', headers } = request;
		const received = { method, path, headers, body: Buffer.concat(chunks).toString() };
		this.received.push(received);
		const found = this.#expected.findIndex((one) => fits(one, received));
		const json = { 'content-type': 'application/json' };
		if (found === -1) {
			const detail = `unexpected ${method} ${path} ${received.body}; open: ${this.open.join(', ')}`;
			return [599, JSON.stringify({ code: 'UNEXPECTED', detail, errors: [] }), json];
		}
		const [{ status = 200, answer, answerHeaders = json }] = this.#expected.splice(found, 1) as [
			Expected,
		];
		const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
		return [status, answer === undefined ? '' : text, answerHeaders];
	}
}

function fits(expected: Expected, { method, path, headers, body }: Received): boolean {
	const bare = expected.path.includes('?') ? path : path.split('?')[0];
	if (expected.method !== method || expected.path !== bare) return false;
	const named = Object.entries(expected.headers ?? {});
	if (!named.every(([name, value]) => headers[name] === value)) return false;
	if (expected.body === undefined) return true;
	return typeof expected.body === 'string'
		? expected.body === body
		: isDeepStrictEqual(JSON.parse(body || 'null'), expected.body);
}
