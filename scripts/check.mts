/**
 * The gate, `npm run check`: every step runs though another failed; ends with a table of all.
 * Steps share the machine two at a time, and print their output only when they fail.
 * `npm run check -- lint types` runs only the named ones.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

interface Step {
	readonly name: string;
	readonly command: readonly string[];
}

interface Outcome extends Step {
	readonly ok: boolean;
	readonly seconds: number;
	readonly output: string;
}

const TYPE_PROJECTS = ['.', 'engine', 'engine/dashboard', 'test', 'scripts'];
const LAYERED = ['index.ts', 'engine', 'nodes', 'credentials'];
const AT_A_TIME = 2;

const steps: readonly Step[] = [
	{ name: 'lint', command: ['eslint', '.'] },
	...TYPE_PROJECTS.filter((project) => existsSync(`${project}/tsconfig.json`)).map((project) => ({
		name: `types of ${project}`,
		command: ['tsc', '--noEmit', '-p', project],
	})),
	{
		name: 'layers',
		command: ['depcruise', '--config', '.dependency-cruiser.cjs', ...LAYERED.filter(existsSync)],
	},
	{ name: 'dead code', command: ['knip'] },
	{ name: 'format', command: ['prettier', '--check', '.'] },
	{ name: 'n8n lint', command: ['node', 'scripts/n8n-lint.mts'] },
	{ name: 'generated files', command: ['node', 'scripts/check-generated.mts'] },
];

function run(step: Step): Promise<Outcome> {
	const started = performance.now();
	const [file = '', ...args] = step.command;
	return new Promise((resolve) => {
		const child = spawn(file, args, { env: { ...process.env, FORCE_COLOR: '1' } });
		let output = '';
		const finish = (ok: boolean) => {
			resolve({ ...step, ok, output, seconds: (performance.now() - started) / 1000 });
		};
		child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
		child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
		child.on('error', (error) => {
			output += `${file}: ${error.message} (run it by \`npm run check\`)\n`;
			finish(false);
		});
		child.on('close', (code) => {
			finish(code === 0);
		});
	});
}

function report({ name, ok, seconds, output }: Outcome): void {
	console.log(
		`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(24)} ${seconds.toFixed(1).padStart(6)} s`,
	);
	if (!ok || output.includes('note:')) console.log(output.trimEnd().replace(/^/gm, '        '));
}

async function work(queue: Step[], outcomes: Outcome[]): Promise<void> {
	for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
		const outcome = await run(step);
		report(outcome);
		outcomes.push(outcome);
	}
}

const wanted = process.argv.slice(2);
const queue = steps.filter(
	({ name }) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)),
);
if (queue.length === 0) {
	console.error(`no such step; there are: ${steps.map(({ name }) => name).join(', ')}`);
	process.exit(1);
}
const total = queue.length;
const outcomes: Outcome[] = [];
await Promise.all(Array.from({ length: AT_A_TIME }, () => work(queue, outcomes)));

const failed = outcomes.filter(({ ok }) => !ok);
console.log(
	failed.length === 0
		? `check: all ${total} steps passed`
		: `check: ${failed.length} of ${total} steps failed: ${failed.map(({ name }) => name).join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
