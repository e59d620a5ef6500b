import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Things that have one home; each entry is a `no-restricted-syntax` selector and its message. */
const CLOCK = [
	{
		selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
		message: 'Time is an argument: take it from a Clock (engine/clock.ts is its one home).',
	},
	{
		selector:
			"NewExpression[callee.name='Date'][arguments.length=0], CallExpression[callee.name='Date']",
		message: 'Time is an argument: take it from a Clock (engine/clock.ts is its one home).',
	},
	{
		selector: "MemberExpression[object.name='Temporal'][property.name='Now']",
		message: 'Time is an argument: take it from a Clock (engine/clock.ts is its one home).',
	},
];
const ENVIRONMENT = [
	{
		selector: "MemberExpression[object.name='process'][property.name='env']",
		message: 'engine/config.ts is the only reader of process.env.',
	},
	{
		selector: 'ImportDeclaration[source.value=/^(node:)?process$/]',
		message: 'Use the global `process`; engine/config.ts is the only reader of its env.',
	},
];
const CHANCE = [
	{
		selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
		message: 'core/ is pure: randomness is an argument.',
	},
	{
		selector: "MemberExpression[object.name='crypto']",
		message: 'core/ is pure: ids and randomness are arguments.',
	},
	{
		selector: "MemberExpression[object.name='performance'][property.name='now']",
		message: 'core/ is pure: time is an argument.',
	},
];

const restrict = (...groups) => ({ 'no-restricted-syntax': ['error', ...groups.flat()] });

export default defineConfig(
	globalIgnores(['**/node_modules/', '**/dist/', '**/coverage/', 'test/golden/']),
	{ linterOptions: { reportUnusedDisableDirectives: 'error' } },
	js.configs.recommended,
	{
		files: ['**/*.ts', '**/*.mts'],
		extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.stylisticTypeChecked],
		languageOptions: {
			parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
		},
		rules: {
			'@typescript-eslint/no-explicit-any': 'error',
			'@typescript-eslint/no-floating-promises': 'error',
			'@typescript-eslint/switch-exhaustiveness-check': [
				'error',
				{ considerDefaultExhaustiveForUnions: true },
			],
			'@typescript-eslint/consistent-type-imports': [
				'error',
				{ fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
			],
			'@typescript-eslint/no-unused-vars': [
				'error',
				{ argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
			],
			'@typescript-eslint/restrict-template-expressions': [
				'error',
				{ allowNumber: true, allowBoolean: true },
			],
			// `type` beside zod's inferred types, `interface` for ports: the author's choice
			'@typescript-eslint/consistent-type-definitions': 'off',
			'@typescript-eslint/consistent-indexed-object-style': 'off',
			// a port is async, though one of its adapters may answer at once
			'@typescript-eslint/require-await': 'off',
			'@typescript-eslint/return-await': ['error', 'in-try-catch'],
			eqeqeq: ['error', 'always', { null: 'ignore' }],
			'no-console': 'error',
		},
	},
	{
		files: ['**/*.{ts,mts,js,mjs,cjs}'],
		rules: { 'max-lines': ['error', 400] },
	},
	{
		files: ['engine/**/*.ts'],
		ignores: ['engine/dashboard/**', 'engine/scripts/**'],
		rules: restrict(CLOCK, ENVIRONMENT),
	},
	{ files: ['engine/clock.ts'], rules: restrict(ENVIRONMENT) },
	{ files: ['engine/config.ts'], rules: restrict(CLOCK) },
	{
		files: ['engine/core/**/*.ts'],
		rules: {
			...restrict(CLOCK, ENVIRONMENT, CHANCE),
			'no-restricted-globals': [
				'error',
				...['process', 'setTimeout', 'setInterval', 'setImmediate', 'fetch', 'Buffer'].map(
					(name) => ({ name, message: 'core/ is pure: no input, no output, no timer.' }),
				),
			],
		},
	},
	{
		files: ['nodes/**/*.ts'],
		rules: {
			// what a user leaves empty comes as an empty text
			'@typescript-eslint/prefer-nullish-coalescing': 'off',
			// n8n calls these with itself as `this`
			'@typescript-eslint/unbound-method': 'off',
			// the types of parameters differ between the versions of n8n that the nodes run in
			'@typescript-eslint/no-unnecessary-type-assertion': 'off',
		},
	},
	{
		files: ['engine/cli/**/*.ts', 'engine/scripts/**/*.ts', 'scripts/**', 'test/bench/**/*.ts'],
		rules: { 'no-console': 'off' },
	},
	{
		files: ['test/**/*.ts'],
		rules: {
			'max-lines': ['error', 600],
			// `expect(port.method).toHaveBeenCalled()` calls nothing
			'@typescript-eslint/unbound-method': 'off',
			// `expect.any(String)` and response.json() are `any` by their types: a wrong shape fails the test
			'@typescript-eslint/no-unsafe-assignment': 'off',
			'@typescript-eslint/no-unsafe-member-access': 'off',
			'@typescript-eslint/no-unsafe-call': 'off',
			'@typescript-eslint/no-unsafe-argument': 'off',
			'@typescript-eslint/no-unsafe-return': 'off',
		},
	},
	{
		files: ['test/nodes/**/*.ts', 'test/n8n/**/*.ts'],
		rules: {
			// n8n-core is loaded from a cache, so it comes without types, and what n8n answers has none
			'@typescript-eslint/no-explicit-any': 'off',
		},
	},
	{
		files: ['**/*.{js,mjs,cjs}'],
		languageOptions: {
			globals: Object.fromEntries(
				['process', 'console', 'URL', 'Buffer', 'setTimeout', 'clearTimeout'].map((name) => [
					name,
					'readonly',
				]),
			),
		},
	},
	{
		files: ['gulpfile.js', 'jest.config.js', '**/*.cjs'],
		languageOptions: {
			sourceType: 'commonjs',
			globals: { module: 'writable', exports: 'writable', require: 'readonly' },
		},
	},
	{
		files: ['engine/dashboard/**/*.js'],
		languageOptions: {
			globals: Object.fromEntries(
				[
					'window',
					'document',
					'location',
					'history',
					'navigator',
					'localStorage',
					'sessionStorage',
					'fetch',
					'EventSource',
					'AbortController',
					'FormData',
					'URLSearchParams',
					'setInterval',
					'clearInterval',
					'requestAnimationFrame',
					'customElements',
					'HTMLElement',
					'CustomEvent',
					'Event',
					'Intl',
				].map((name) => [name, 'readonly']),
			),
		},
	},
);
