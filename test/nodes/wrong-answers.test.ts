import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { engineAt, loadOptionsContext, nodeType, runNode } from './support/n8n.ts';

/* What answers is not the engine, or does not answer to the end. */

let answer: (response: ServerResponse) => void;
const server = createServer((request, response) => {
	request.resume().once('end', () => {
		answer(response);
	});
});
beforeAll(async () => {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	engineAt.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
	server.closeAllConnections();
	server.close();
});

const getRun = (more: object = {}) =>
	runNode({
		node: 'capScheduler',
		parameters: { resource: 'run', operation: 'get', runId: 'run_1' },
		...more,
	});
const NOT_OURS = expect.stringContaining('Check the engine URL in the credential');

describe('a server that is not the engine', () => {
	test('is told from it though it says 200, as web applications do for all their paths', async () => {
		answer = (response) => response.setHeader('content-type', 'text/html').end('<html></html>');
		await expect(getRun()).rejects.toMatchObject({ message: NOT_OURS });
		const { searchCapabilities } = nodeType('runtimeSession').methods!.listSearch!;
		const context = loadOptionsContext('runtimeSession', {});
		await expect(searchCapabilities!.call(context)).rejects.toMatchObject({ message: NOT_OURS });
	});

	test('is told from it by an error without a code of the engine', async () => {
		answer = (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<html>');
		await expect(getRun()).rejects.toMatchObject({
			message: NOT_OURS,
			description: 'Code HTTP_502',
		});
	});

	test('that redirects is not followed, and its new address is named', async () => {
		answer = (response) =>
			response.writeHead(308, { location: 'https://scheduler.example.com/v1/runs/run_1' }).end();
		await expect(getRun()).rejects.toMatchObject({
			message: expect.stringMatching(
				/leads elsewhere \(HTTP 308\), to https:\/\/scheduler\.example/,
			),
		});
	});
});

describe('a file that breaks off', () => {
	const format = {
		node: 'format',
		parameters: {
			source: 'items',
			format: 'csv',
			fileName: '',
			optionsMode: 'json',
			formatOptionsJson: '{}',
			binaryProperty: 'data',
		},
	};

	test.each([
		['with a length', { 'content-length': '1000' }],
		['without one', {}],
	])('%s is no file, and the error says what to do', async (_, headers: Record<string, string>) => {
		answer = (response) => {
			response.writeHead(200, {
				'content-type': 'text/csv',
				'content-disposition': 'attachment; filename="a.csv"',
				...headers,
			});
			response.write('id\r\n', () => {
				response.destroy();
			});
		};
		await expect(runNode(format)).rejects.toMatchObject({
			message: 'The file a.csv broke off before its end',
			description: expect.stringContaining('Retry On Fail'),
		});
		const [item] = await runNode({ ...format, continueOnFail: true });
		expect(item).toMatchObject({ json: { error: expect.stringContaining('broke off') } });
		expect(item).not.toHaveProperty('binary');
	});
});
