import type { ServerResponse } from 'node:http';

/** Aborts when the answer is sent or its reader has gone. Made on demand: few routes wait for anything. */
export function goneSignal(response: ServerResponse): AbortSignal {
	const gone = new AbortController();
	if (response.closed) gone.abort();
	else
		response.once('close', () => {
			gone.abort();
		});
	return gone.signal;
}
