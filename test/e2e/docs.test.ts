import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import { capabilityInputSchema } from '../../engine/contract/capability.ts';
import { createSigner } from '../../engine/security/standard-webhooks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = ['README.md', 'engine/README.md', ...globSync('docs/*.md', { cwd: ROOT })];

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** GitHub's way from a heading to its anchor. */
const anchorOf = (heading: string): string =>
	heading
		.toLowerCase()
		.replace(/[^\p{L}\p{N} _-]/gu, '')
		.replaceAll(' ', '-');

const anchorsOf = (page: string): string[] =>
	[...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe('the pages', () => {
	it.each(PAGES)('%s: every link to another page leads somewhere', (page) => {
		const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
		for (const [, path = '', anchor] of links) {
			const target = path === '' ? page : join(dirname(page), path);
			expect({ target, exists: existsSync(join(ROOT, target)) }).toEqual({ target, exists: true });
			if (anchor !== undefined) expect(anchorsOf(target)).toContain(anchor);
		}
	});

	it('docs/capabilities.md: its manifests are accepted as they are printed', () => {
		const blocks = [...read('docs/capabilities.md').matchAll(/^```json\n([\s\S]*?)^```$/gm)];
		expect(blocks).toHaveLength(4);
		for (const [, text = ''] of blocks) {
			expect(capabilityInputSchema.safeParse(JSON.parse(text)).error).toBeUndefined();
		}
	});
});

describe('docs/delivery.md: the signature check, as it is printed', () => {
	const signer = createSigner();
	const secret = signer.generateSecret();
	const body = Buffer.from([...Buffer.from('a,b\r\n1,"ä"\r\n'), 0, 255]);
	const headersAt = (timestamp: number): Record<string, string> => ({
		...signer.sign(secret, { id: 'dlv_1', timestamp, body }),
	});
	const snippet = (language: string): string =>
		new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?is_?genuine[\\s\\S]*?)^\`\`\`$`, 'im').exec(
			read('docs/delivery.md'),
		)?.[1] ?? '';
	const now = Math.floor(systemClock.now() / 1000);
	const genuine = { headers: headersAt(now), body: body.toString('base64') };
	const others = [
		{ ...genuine, body: Buffer.from('a,b\r\n1,2\r\n').toString('base64') },
		{ ...genuine, headers: { ...genuine.headers, 'webhook-id': 'dlv_2' } },
		{ ...genuine, headers: { ...genuine.headers, 'webhook-signature': 'v1,AAAA v1a,x' } },
		{ ...genuine, headers: headersAt(now - 600) },
	];
	const input = JSON.stringify({ secret, cases: [genuine, ...others] });
	const expected = [true, false, false, false, false];

	it('accepts a signed CSV in Node, and nothing that was changed or is old', () => {
		const use = `
			import { readFileSync } from 'node:fs';
			const { secret, cases } = JSON.parse(readFileSync(0, 'utf8'));
			const answers = cases.map(({ headers, body }) => isGenuine(secret, headers, Buffer.from(body, 'base64')));
			console.log(JSON.stringify(answers));`;
		const args = ['--input-type=module', '-e', snippet('js') + use];
		const { stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: 'utf8' });
		expect(stderr).toBe('');
		expect(JSON.parse(stdout)).toEqual(expected);
	});

	const python = spawnSync('python3', ['--version'], { encoding: 'utf8' }).status === 0;
	(python ? it : it.skip)('accepts the same in Python', () => {
		const use = `
import json, sys
given = json.load(sys.stdin)
answers = [is_genuine(given["secret"], c["headers"], base64.b64decode(c["body"])) for c in given["cases"]]
print(json.dumps(answers))`;
		const args = ['-c', snippet('python') + use];
		const { stdout, stderr } = spawnSync('python3', args, { input, encoding: 'utf8' });
		expect(stderr).toBe('');
		expect(JSON.parse(stdout)).toEqual(expected);
	});
});
