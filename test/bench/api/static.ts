import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { hear, read, tell } from '../talk.ts';

/** A server of one file, as one would write it with Node: a stream into the answer, its length told before. */
const lines = hear();
const { file } = await read<{ file: string }>(lines);
const { size } = statSync(file);
const server = createServer((_request, response) => {
	response.setHeader('content-length', size);
	createReadStream(file).pipe(response);
});
server.listen(0, '127.0.0.1', () => {
	tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
});
await lines.next();
server.close();
server.closeAllConnections();
