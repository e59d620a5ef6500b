import { afterAll, afterEach, expect, test } from '@jest/globals';
import nock from 'nock';

import { engineAt, runNode } from './support/n8n.ts';

/*
 * What no server can be made to do on demand: names that nobody knows, certificates that have expired. nock
 * plays it, in this file only and with no real server beside it (docs/decisions.md).
 */

const URL = 'https://scheduler.test';
engineAt.url = URL;

afterEach(() => {
	expect(nock.pendingMocks()).toEqual([]);
});
afterAll(() => {
	nock.restore();
});

const get = () =>
	runNode({
		node: 'capScheduler',
		parameters: { resource: 'run', operation: 'get', runId: 'a' },
	});

test.each([
	['ECONNREFUSED', 'Is the engine running'],
	['ECONNRESET', 'Retry On Fail'],
	['ENOTFOUND', 'There is no such host'],
	['EAI_AGAIN', 'cannot be looked up'],
	['ECONNABORTED', 'No answer in time'],
	['ETIMEDOUT', 'firewall'],
	['CERT_HAS_EXPIRED', 'certificate has expired'],
	['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
	['EHOSTUNREACH', 'Is the engine running'],
])('%s is told with what to do about it', async (code, remedy) => {
	const error = Object.assign(new Error(`the network says ${code}`), { code });
	nock(URL).get('/v1/runs/a').replyWithError(error);
	await expect(get()).rejects.toMatchObject({
		message: `CapScheduler does not answer at ${URL}`,
		description: expect.stringMatching(new RegExp(`${remedy}[^]*\n${code}$`)),
	});
});

test("what n8n's own protection forbids is told with the settings that allow it", async () => {
	nock(URL)
		.get('/v1/runs/a')
		.replyWithError('The request was blocked because it resolves to a restricted IP address');
	await expect(get()).rejects.toMatchObject({
		message: `CapScheduler does not answer at ${URL}`,
		description: expect.stringContaining('N8N_SSRF_ALLOWED_HOSTNAMES'),
	});
});

test.each(['', 'localhost:7070', 'scheduler.example.com'])(
	'the engine URL "%s" is told what it lacks',
	async (url) => {
		engineAt.url = url;
		await expect(get()).rejects.toMatchObject({
			description: expect.stringContaining('must begin with http:// or https://'),
		});
		engineAt.url = URL;
	},
);
