import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { ERROR_STATUS } from '../../../engine/contract/errors.ts';
import { openApiDocument } from '../../../engine/http/openapi.ts';
import { errorCodes } from '../../../engine/http/openapi-errors.ts';
import { referencePage } from '../../../engine/http/reference/page.ts';
import { html } from '../../../engine/http/reference/html.ts';
import { ROUTES } from '../../../engine/http/routes/index.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const document = openApiDocument(ROUTES, { version: '1.2.3', server: 'http://127.0.0.1:7070' });

describe('the OpenAPI document', () => {
	it('passes a public linter', () => {
		const { status, stdout, stderr } = spawnSync(
			process.execPath,
			[join(ROOT, 'node_modules/@redocly/cli/bin/cli.js'), 'lint', 'docs/openapi.json'],
			{
				cwd: ROOT,
				encoding: 'utf8',
				env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
			},
		);
		expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({
			status: 0,
			output: '',
		});
	});

	it('has every route, with the status of every code that it may answer', () => {
		for (const route of ROUTES) {
			const { responses } = document.paths[route.path]?.[route.method] ?? { responses: {} };
			for (const code of errorCodes(route))
				expect(responses).toHaveProperty(String(ERROR_STATUS[code]));
			for (const status of Object.keys(route.answers)) expect(responses).toHaveProperty(status);
		}
	});

	it('resolves all of its references', () => {
		const named = Object.entries(document.components).flatMap(([kind, parts]) =>
			Object.keys(parts).map((name) => `#/components/${kind}/${name}`),
		);
		const used = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref);
		expect(used.filter((ref) => !named.includes(ref ?? ''))).toEqual([]);
	});

	it('gives examples that the schemas accept', () => {
		for (const { id, body, example } of ROUTES) {
			if (body?.kind !== 'json' || example?.body === undefined) continue;
			expect({ id, ...body.schema.safeParse(example.body) }).toMatchObject({ id, success: true });
		}
		for (const { id, body, example } of ROUTES) {
			if (body?.kind === 'json' && body.optional !== true)
				expect({ id, example }).toHaveProperty('example.body');
		}
	});
});

describe('the reference page', () => {
	const page = referencePage(document, ROUTES);

	it('has a section with an anchor and a curl example for every route', () => {
		for (const { id, auth } of ROUTES) {
			expect(page).toContain(`<article class="operation" id="${id}">`);
			expect(page).toContain(`href="#${id}"`);
			const [, section = ''] = page.split(`id="${id}"`);
			expect(section.split('</article>')[0]).toMatch(
				auth === 'key' ? /curl .*\n.*Bearer \$CAPSCHEDULER_KEY/ : /curl /,
			);
		}
	});

	it('has no script, nothing inline and nothing from elsewhere', () => {
		expect(page).not.toMatch(/<script|<style|\sstyle=|\son\w+=|<iframe|<img|javascript:/i);
		const links = [...page.matchAll(/(?:href|src)="([^"#][^"]*)"/g)].map(([, link]) => link);
		expect(new Set(links)).toEqual(new Set(['docs/style.css', 'openapi.json']));
	});

	it('links only to anchors that are there', () => {
		const ids = new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
		const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
		expect(targets.filter((target) => !ids.has(target))).toEqual([]);
	});

	it('escapes whatever is put into it', () => {
		expect(html`<b title="${'"><script>'}">${["<'&"]}</b>`.markup).toBe(
			'<b title="&quot;&gt;&lt;script&gt;">&lt;&#39;&amp;</b>',
		);
	});
});
