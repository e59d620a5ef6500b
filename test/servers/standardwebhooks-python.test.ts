import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createSigner } from '../../engine/security/standard-webhooks.ts';
import { pythonEnv } from './python-env.ts';

const run = promisify(execFile);

const VERIFY = `
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
case = json.load(open(sys.argv[1]))
try:
    print(json.dumps(Webhook(case["secret"]).verify(open(sys.argv[2], "rb").read(), case["headers"])))
except WebhookVerificationError as error:
    print("refused: " + str(error))
`;

describe('the Python standardwebhooks package', () => {
	const signer = createSigner();
	const secret = signer.generateSecret();
	let python: string;
	let folder: string;

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-python-'));
		python = join(await pythonEnv('standardwebhooks', ['standardwebhooks==1.0.0']), 'python');
	}, 120_000);
	afterAll(async () => {
		await rm(folder, { recursive: true, force: true });
	});

	async function verify(headers: Record<string, string>, body: string): Promise<string> {
		await writeFile(join(folder, 'verify.py'), VERIFY);
		await writeFile(join(folder, 'case.json'), JSON.stringify({ secret, headers }));
		await writeFile(join(folder, 'body'), body);
		const { stdout } = await run(python, ['verify.py', 'case.json', 'body'], { cwd: folder });
		return stdout.trim();
	}

	it('verifies what we sign, and refuses another body', async () => {
		const body = JSON.stringify({ run: 'run_1', text: 'Überraschung 報告' });
		const timestamp = Math.floor(Date.now() / 1000);
		const headers = signer.sign(secret, { id: 'ntf_1', timestamp, body });
		expect(JSON.parse(await verify(headers, body))).toEqual(JSON.parse(body));
		expect(await verify(headers, body.replace('run_1', 'run_2'))).toContain('refused');
	});

	it('verifies while the secret is rotated', async () => {
		const timestamp = Math.floor(Date.now() / 1000);
		const both = `${signer.generateSecret()} ${secret}`;
		const headers = signer.sign(both, { id: 'ntf_1', timestamp, body: '{}' });
		expect(await verify(headers, '{}')).toBe('{}');
	});
});
