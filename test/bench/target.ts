import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { hear, tell } from './talk.ts';

/*
 * The other process that each job posts to. It notes every Idempotency-Key; asked `report`, it says how
 * many calls there were, how many keys, and a hash over the sorted keys, and forgets them.
 */
const ANSWER = '{"ok":true}';
const HEADERS = { 'content-type': 'application/json', 'content-length': ANSWER.length };

let calls = 0;
let keys = new Set<string>();

const server = createServer((request, response) => {
	calls++;
	keys.add(request.headers['idempotency-key'] as string);
	request.resume();
	response.writeHead(200, HEADERS);
	response.end(ANSWER);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
	tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
});

for await (const line of hear()) {
	if (line !== 'report') continue;
	const sorted = [...keys].sort();
	tell({
		calls,
		keys: sorted.length,
		hash: createHash('sha256').update(sorted.join()).digest('hex'),
	});
	calls = 0;
	keys = new Set();
}
server.close();
server.closeAllConnections();
