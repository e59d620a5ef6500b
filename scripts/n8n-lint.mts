/**
 * What n8n checks before it verifies a community package: its two lints over the sources, and over the packed
 * tarball, as `@n8n/scan-community-package` applies them (no inline exceptions), and that nothing is in the
 * tarball but dist/, README, licence and manifest.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { n8nTools } from './n8n-tools.mts';
import { packNodes } from './pack-nodes.mts';

type Rules = Record<string, unknown>;
interface Result {
	filePath: string;
	errorCount: number;
	messages: { line: number; ruleId: string | null; message: string; severity: number }[];
}
interface ESLint {
	lintFiles(patterns: readonly string[]): Promise<Result[]>;
}

const SHIPPED = ['LICENSE', 'README.md', 'dist', 'package.json'];

const tools = createRequire(join(n8nTools(), 'package.json'));
const load = async (name: string): Promise<unknown> =>
	import(pathToFileURL(tools.resolve(name)).href);

async function scanConfig(): Promise<unknown[]> {
	const { n8nCommunityNodesPlugin } = (await load('@n8n/eslint-plugin-community-nodes')) as {
		n8nCommunityNodesPlugin: { configs: { recommended: unknown } };
	};
	const base = (await load('eslint-plugin-n8n-nodes-base')) as {
		default: { configs: Record<'community' | 'credentials' | 'nodes', { rules: Rules }> };
	};
	const parser = await load('@typescript-eslint/parser');
	const { community, credentials, nodes } = base.default.configs;
	// the exceptions are the scanner's own
	return [
		n8nCommunityNodesPlugin.configs.recommended,
		{ rules: { 'no-console': 'error' } },
		{ plugins: { 'n8n-nodes-base': base.default } },
		{ files: ['package.json'], rules: community.rules },
		{
			files: ['**/credentials/**/*.ts'],
			rules: {
				...credentials.rules,
				'n8n-nodes-base/cred-class-field-documentation-url-miscased': 'off',
				'n8n-nodes-base/cred-class-field-type-options-password-missing': 'off',
			},
		},
		{
			files: ['**/nodes/**/*.ts'],
			rules: {
				...nodes.rules,
				'n8n-nodes-base/node-class-description-inputs-wrong-regular-node': 'off',
				'n8n-nodes-base/node-class-description-outputs-wrong': 'off',
				'n8n-nodes-base/node-param-type-options-max-value-present': 'off',
			},
		},
		{ files: ['**/*.json', '**/*.ts'], languageOptions: { parser } },
	];
}

async function lint(cwd: string, patterns: readonly string[]): Promise<string[]> {
	const { ESLint } = (await load('eslint')) as { ESLint: new (options: object) => ESLint };
	const eslint = new ESLint({
		cwd,
		allowInlineConfig: false,
		overrideConfigFile: true,
		overrideConfig: (await scanConfig()).flat(),
	});
	const results = await eslint.lintFiles(patterns);
	return results.flatMap(({ filePath, messages }) =>
		messages.map(
			({ line, ruleId, message }) =>
				`${filePath.slice(cwd.length + 1)}:${line} ${ruleId ?? ''}: ${message}`,
		),
	);
}

const root = join(import.meta.dirname, '..');
const temporary = mkdtempSync(join(tmpdir(), 'capscheduler-n8n-lint-'));
try {
	const { folder } = packNodes(temporary);
	const extra = readdirSync(folder).filter((name) => !SHIPPED.includes(name));
	const findings = [
		...(await lint(root, ['package.json', '{nodes,credentials}/**/*.{ts,json}'])),
		...(await lint(folder, ['**/*.js', 'package.json'])).map((text) => `packed: ${text}`),
		...extra.map((name) => `packed: ${name} has no place in the package`),
	];
	for (const finding of findings) console.log(finding);
	process.exitCode = findings.length === 0 ? 0 : 1;
} finally {
	rmSync(temporary, { recursive: true });
}
