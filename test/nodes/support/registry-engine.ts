import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As much of the engine as a registration meets. */
export class RegistryEngine {
	capabilities = new Map<string, Record<string, any>>();
	schedules = new Map<string, Record<string, any>>();
	requests: string[] = [];
	/** Every request is answered with this, as by an engine in trouble. */
	trouble: { status: number; code: string; detail: string } | null = null;
	url = '';
	#made = 0;
	readonly #server = createServer((request, response) => {
		void json(request).then((body) => {
			const [status, answer] = this.#answer(request, body as Record<string, any>);
			response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
			response.end(answer === undefined ? '' : JSON.stringify(answer));
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

	#answer({ method, url = '' }: IncomingMessage, body: Record<string, any>): [number, object?] {
		this.requests.push(`${method} ${url}`);
		if (this.trouble !== null) return [this.trouble.status, { ...this.trouble, errors: [] }];
		const { pathname, searchParams } = new globalThis.URL(url, 'http://engine');
		const [, first = '', kind = '', name = '', act = ''] = pathname.split('/');
		const all = kind === 'capabilities' ? this.capabilities : this.schedules;
		const missing: [number, object] = [404, { code: 'NOT_FOUND', detail: 'none', errors: [] }];
		if (method === 'PUT') {
			this.capabilities.set(name, body);
			return [200, {}];
		}
		if (method === 'PATCH') {
			all.set(name, { ...all.get(name), ...body });
			return [200, {}];
		}
		if (method === 'DELETE') return all.delete(name) ? [204] : missing;
		if (act === 'resume') {
			all.set(name, { ...all.get(name), status: 'active', pauseReason: null });
			return [200, {}];
		}
		if (method === 'POST' && kind === 'schedule') {
			const id = `sch_${++this.#made}`;
			this.schedules.set(id, { id, capability: first, status: 'active', ...body });
			return [201, { scheduleId: id }];
		}
		if (name !== '') {
			const found = all.get(name);
			return found === undefined ? missing : [200, found];
		}
		const capability = searchParams.get('capability');
		const items = [...all.values()].filter((one) => one['capability'] === capability);
		return [200, { items, nextCursor: null }];
	}
}

async function json(request: IncomingMessage): Promise<unknown> {
	const chunks: Buffer[] = [];
	for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
	return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}
