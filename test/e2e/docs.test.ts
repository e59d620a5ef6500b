import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

import { capabilityInputSchema } from '../../engine/contract/capability.ts';

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
		expect(blocks).toHaveLength(3);
		for (const [, text = ''] of blocks) {
			expect(capabilityInputSchema.safeParse(JSON.parse(text)).error).toBeUndefined();
		}
	});
});
