/** What every project shares: native ES modules, TypeScript stripped by swc, types checked by `npm run check`. */
const shared = {
	testEnvironment: 'node',
	extensionsToTreatAsEsm: ['.ts'],
	transform: {
		'^.+\\.ts$': [
			'@swc/jest',
			{
				jsc: {
					parser: { syntax: 'typescript' },
					target: 'es2024',
				},
				module: { type: 'es6' },
				sourceMaps: 'inline',
			},
		],
	},
	modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/engine/dist/'],
	restoreMocks: true,
};

/** @type {import('jest').Config} */
module.exports = {
	testTimeout: 120_000,
	// A process of tests keeps every file's modules: after a hundred files it held 3 GB, and each collection that a test
	// of memory asks for took seconds (one file 233 s instead of 7).
	workerIdleMemoryLimit: '500MB',
	projects: [
		{
			...shared,
			displayName: 'fast',
			testMatch: ['<rootDir>/test/**/*.test.ts'],
			testPathIgnorePatterns: [
				'/node_modules/',
				'<rootDir>/test/servers/',
				'<rootDir>/test/bench/',
				'<rootDir>/test/nodes/',
				'<rootDir>/test/n8n/',
			],
		},
		{
			...shared,
			displayName: 'nodes',
			testMatch: ['<rootDir>/test/nodes/**/*.test.ts'],
			globalSetup: '<rootDir>/scripts/n8n-test-setup.mts',
		},
		{
			...shared,
			displayName: 'n8n',
			testMatch: ['<rootDir>/test/n8n/*.test.ts'],
			globalSetup: '<rootDir>/scripts/n8n-app-setup.mts',
		},
		{
			...shared,
			displayName: 'servers',
			testMatch: ['<rootDir>/test/servers/**/*.test.ts'],
		},
	],
};
