import type { ServerResponse } from 'node:http';

import type { Body } from './api.ts';
import type { CapabilityServer, Received } from './capability-server.ts';
import { Inbox } from './inbox.ts';

/** A request that waits for the test to answer it. */
export interface HeldCall {
	request: Received;
	/** What came in its JSON body. */
	envelope: Body;
	response: ServerResponse;
	answer(status: number, body?: unknown, headers?: Record<string, string>): void;
}

/** A path whose requests the test answers one by one, when it likes. */
export function holdCalls(
	server: CapabilityServer,
	path: string,
): { url: string; calls: Inbox<HeldCall> } {
	const calls = new Inbox<HeldCall>();
	const url = server.on(path, (response, request) => {
		calls.push({
			request,
			envelope: request.body === '' ? undefined : JSON.parse(request.body),
			response,
			answer(status, body, headers = {}) {
				response.writeHead(status, { 'content-type': 'application/json', ...headers });
				response.end(body === undefined ? '' : JSON.stringify(body));
			},
		});
	});
	return { url, calls };
}
