/**
 * The layers of DESIGN.md, section 3:
 *
 *   contract <- core <- pipeline <- { http, agenda, cli } <- main
 *
 * Adapters know the contract, the clock and their own folder, never each other. Types count as
 * imports too, except where a rule says otherwise.
 */
const ADAPTERS = 'sessions|formats|channels|calendars|stores|security|observe';
const PORTS = `^engine/(${ADAPTERS})/[^/]+[.]port[.]ts$`;
const TIME_LIBRARIES = '(^|/)node_modules/(temporal-polyfill|temporal-spec|croner|luxon)/';
const PACKAGES = '(^|/)node_modules/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
	forbidden: [
		{
			name: 'no-cycles',
			severity: 'error',
			from: {},
			to: { circular: true },
		},
		{
			name: 'no-orphans',
			comment: 'Nobody imports it and it imports nobody: is it dead?',
			severity: 'error',
			from: {
				orphan: true,
				pathNot: ['[.]d[.]ts$', '^index[.]ts$', '^engine/scripts/', '^engine/dashboard/'],
			},
			to: {},
		},
		{
			name: 'no-unresolvable',
			severity: 'error',
			from: {},
			to: { couldNotResolve: true },
		},
		{
			name: 'only-declared-packages',
			comment: 'The package is not among the `dependencies` of engine/package.json: add it.',
			severity: 'error',
			from: { path: '^engine/', pathNot: '^engine/scripts/' },
			to: {
				dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
				dependencyTypesNot: ['type-only'],
			},
		},
		{
			name: 'no-tests-in-source',
			severity: 'error',
			from: { path: '^(engine|nodes|credentials|index[.]ts)' },
			to: { path: '^test/' },
		},
		{
			name: 'contract-knows-only-zod',
			severity: 'error',
			from: { path: '^engine/contract/' },
			to: { pathNot: ['^engine/contract/', '(^|/)node_modules/zod/'] },
		},
		{
			name: 'core-is-pure',
			comment: 'core/ decides: contract and the time library, no node:, no clock, no I/O.',
			severity: 'error',
			from: { path: '^engine/core/' },
			to: { pathNot: ['^engine/core/', '^engine/contract/', TIME_LIBRARIES] },
		},
		{
			name: 'pipeline-knows-ports',
			severity: 'error',
			from: { path: '^engine/pipeline/' },
			to: {
				path: '^engine/',
				pathNot: ['^engine/(pipeline|core|contract)/', '^engine/clock[.]ts$', PORTS],
			},
		},
		{
			name: 'edges-know-the-pipeline-and-ports',
			comment: 'http/, agenda/ and transfer/ get their adapters from main.ts, or from cli/.',
			severity: 'error',
			from: { path: '^engine/(http|agenda|transfer)/' },
			to: {
				path: '^engine/',
				pathNot: [
					'^engine/$1/',
					'^engine/(pipeline|core|contract)/',
					'^engine/(clock|config)[.]ts$',
					PORTS,
				],
			},
		},
		{
			name: 'adapters-know-the-contract',
			comment: 'An adapter imports contract, the clock and its own folder, never another adapter.',
			severity: 'error',
			from: { path: `^engine/(${ADAPTERS})/` },
			to: {
				path: '^engine/',
				pathNot: [
					'^engine/$1/',
					'^engine/contract/',
					'^engine/clock[.]ts$',
					'^engine/security/[^/]+[.]port[.]ts$',
				],
			},
		},
		{
			name: 'security-port-is-for-sessions-and-channels',
			severity: 'error',
			from: { path: '^engine/(formats|stores|observe)/' },
			to: { path: '^engine/security/' },
		},
		{
			name: 'security-port-as-types',
			severity: 'error',
			from: { path: '^engine/(sessions|channels)/' },
			to: { path: '^engine/security/', dependencyTypesNot: ['type-only'] },
		},
		{
			name: 'siblings-know-nothing-of-each-other',
			comment:
				'formats/csv does not import formats/xlsx; what they share lies one folder up, or in shared/. Blobs in files serve every store.',
			severity: 'error',
			from: { path: '^engine/(sessions|formats|channels|stores)/([^/]+)/' },
			to: {
				path: '^engine/$1/[^/]+/',
				pathNot: ['^engine/$1/$2/', '^engine/$1/shared/', '^engine/stores/files/'],
			},
		},
		{
			name: 'clock-and-config-are-leaves',
			severity: 'error',
			from: { path: '^engine/(clock|config)[.]ts$' },
			to: { path: '^engine/', pathNot: ['^engine/contract/'] },
		},
		{
			name: 'only-main-and-cli-compose',
			severity: 'error',
			from: { path: '^engine/', pathNot: ['^engine/(main[.]ts|cli/|scripts/)'] },
			to: { path: '^engine/(main[.]ts|cli/|scripts/)' },
		},
		{
			name: 'only-the-alarm-clock-imports-agenda',
			severity: 'error',
			from: {
				path: '.',
				pathNot: ['^engine/agenda/', '^engine/stores/[^/]+/agenda-[^/]+[.]ts$'],
			},
			to: { path: '(^|/)node_modules/agenda/' },
		},
		{
			name: 'agenda-backends-take-types',
			severity: 'error',
			from: { path: '^engine/stores/' },
			to: { path: '(^|/)node_modules/agenda/', dependencyTypesNot: ['type-only'] },
		},
		{
			name: 'dashboard-stands-alone',
			severity: 'error',
			from: { path: '^engine/dashboard/' },
			to: { path: '^engine/', pathNot: '^engine/dashboard/' },
		},
		{
			name: 'nodes-take-types-of-the-engine',
			severity: 'error',
			from: { path: '^(nodes|credentials)/|^index[.]ts$' },
			to: { path: '^engine/', dependencyTypesNot: ['type-only'] },
		},
		{
			name: 'nodes-have-no-dependencies',
			comment: 'n8n verifies nodes that import n8n-workflow and nothing else at run time.',
			severity: 'error',
			from: { path: '^(nodes|credentials)/|^index[.]ts$' },
			to: {
				path: PACKAGES,
				pathNot: '(^|/)node_modules/n8n-workflow/',
				dependencyTypesNot: ['type-only'],
			},
		},
	],
	options: {
		doNotFollow: { path: PACKAGES },
		exclude: { path: ['^dist/', '^engine/(dist|bin)/'] },
		tsPreCompilationDeps: true,
		tsConfig: { fileName: 'engine/tsconfig.json' },
		combinedDependencies: false,
		enhancedResolveOptions: {
			exportsFields: ['exports'],
			conditionNames: ['types', 'import', 'node', 'default'],
			mainFields: ['types', 'module', 'main'],
		},
	},
};
