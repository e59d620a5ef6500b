import type { JsonObject } from '../contract/json.ts';

export interface SeenEvent {
	type: string;
	subject: Readonly<Record<string, string>>;
	data?: JsonObject;
}

/** Reads an engine's event stream (server-sent events) until `signal` aborts. */
export async function* readEvents(
	url: string,
	{ key, signal }: { key: string; signal: AbortSignal },
): AsyncGenerator<SeenEvent> {
	const response = await fetch(url, { headers: { authorization: `Bearer ${key}` }, signal });
	if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
	let rest = '';
	for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
		const blocks = (rest + text).split('\n\n');
		rest = blocks.pop() ?? '';
		for (const block of blocks) {
			const data = block.split('\n').find((line) => line.startsWith('data: '));
			if (data !== undefined) yield JSON.parse(data.slice('data: '.length)) as SeenEvent;
		}
	}
}
