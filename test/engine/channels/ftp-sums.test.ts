import { afterEach, expect, it } from '@jest/globals';
import { Client } from 'basic-ftp';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';

import { createSums } from '../../../engine/channels/ftp/sums.ts';

const SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

let ends: (() => void)[] = [];
afterEach(() => {
	for (const end of ends) end();
	ends = [];
});

/** A client of a server that answers each line so; what it does not know it refuses. */
async function connected(answers: Record<string, string>, onLine: () => void = () => undefined) {
	const lines: string[] = [];
	const server: Server = createServer((socket) => {
		socket.on('data', (data) => {
			const line = data.toString().trim();
			lines.push(line);
			onLine();
			socket.write(`${answers[line] ?? '502 unknown'}\r\n`);
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
	await once(socket, 'connect');
	const client = new Client(60_000);
	client.ftp.socket = socket;
	ends.push(() => {
		client.close();
		server.close();
	});
	return { client, lines };
}

it('a server is asked once what sums it makes, also when it makes none', async () => {
	const { client, lines } = await connected({ FEAT: '211-Can:\r\n SIZE\r\n211 End' });
	const sumOf = createSums(client);
	for (const path of ['a', 'b', 'c']) expect(await sumOf(path)).toBeNull();
	expect(lines).toEqual(['FEAT']);
});

it('one that does not know what it tells of is not asked again', async () => {
	const { client, lines } = await connected({ FEAT: '211-Can:\r\n XMD5\r\n211 End' });
	const sumOf = createSums(client);
	for (const path of ['a', 'b']) expect(await sumOf(path)).toBeNull();
	expect(lines).toEqual(['FEAT', 'XMD5 a']);
});

it('one that refuses a file is asked for the next', async () => {
	const { client } = await connected({
		FEAT: '211-Can:\r\n HASH MD5*;SHA-256\r\n211 End',
		'OPTS HASH SHA-256': '200 SHA-256',
		'HASH large': '556 too large',
		'HASH small': `213 SHA-256 0-0 ${SHA256.toUpperCase()} small`,
	});
	const sumOf = createSums(client);
	expect(await sumOf('large')).toBeNull();
	expect(await sumOf('small')).toEqual({ algorithm: 'sha256', hex: SHA256 });
});

it('a sum may take longer than other answers', async () => {
	const waits: (number | undefined)[] = [];
	const { client } = await connected(
		{ FEAT: '211-Can:\r\n XMD5\r\n211 End', 'XMD5 a': `250 ${MD5}` },
		() => waits.push(client.ftp.socket.timeout),
	);
	expect(await createSums(client)('a')).toEqual({ algorithm: 'md5', hex: MD5 });
	expect(waits).toEqual([60_000, 0]);
});
