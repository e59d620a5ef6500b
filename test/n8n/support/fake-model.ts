import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the model says next: words, or the call of a tool. */
export type Turn =
	| { says: string }
	/** Arguments may depend on what the tools have answered so far. */
	| { calls: string; with: (answers: readonly string[]) => object };

interface Message {
	role: string;
	content: unknown;
}

interface ChatRequest {
	messages: Message[];
	tools?: { function: { name: string; description: string; parameters: unknown } }[];
}

/**
 * A server on loopback that speaks as much of OpenAI's chat completions as n8n's node needs, and plays a fixed
 * conversation: no language model is asked. What is real is all else: the agent, its tools, and the engine.
 */
export class FakeModel {
	url = '';
	readonly requests: ChatRequest[] = [];
	readonly #turns: Turn[];
	readonly #server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			const asked = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest;
			response.writeHead(200, { 'content-type': 'application/json' });
			response.end(JSON.stringify(this.#answer(asked)));
		});
	});

	constructor(turns: readonly Turn[]) {
		this.#turns = [...turns];
	}

	async start(): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
		return this;
	}

	close(): void {
		this.#server.closeAllConnections();
		this.#server.close();
	}

	/** The tools as the model is told of them. */
	get tools(): { name: string; description: string; parameters: any }[] {
		return (this.requests[0]?.tools ?? []).map(({ function: tool }) => tool);
	}

	/** What the tools have answered, in the end. */
	get answers(): string[] {
		return answersIn(this.requests.at(-1));
	}

	#answer(asked: ChatRequest): object {
		this.requests.push(asked);
		const turn = this.#turns.shift() ?? { says: 'The conversation is over.' };
		const answers = answersIn(asked);
		return {
			id: `chatcmpl-${this.requests.length}`,
			object: 'chat.completion',
			created: 0,
			model: 'fake',
			choices: [{ index: 0, ...this.#choice(turn, answers) }],
			usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
		};
	}

	#choice(turn: Turn, answers: readonly string[]): object {
		if ('says' in turn) {
			return { finish_reason: 'stop', message: { role: 'assistant', content: turn.says } };
		}
		const call = {
			id: `call_${this.requests.length}`,
			type: 'function',
			function: { name: turn.calls, arguments: JSON.stringify(turn.with(answers)) },
		};
		return {
			finish_reason: 'tool_calls',
			message: { role: 'assistant', content: null, tool_calls: [call] },
		};
	}
}

const answersIn = (asked: ChatRequest | undefined): string[] =>
	(asked?.messages ?? [])
		.filter(({ role }) => role === 'tool')
		.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)));
