import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ENGINE, PEERS, PEERS_FOLDER, versionOf } from './contestants.ts';
import type { Contestant } from './contestants.ts';
import { channels } from './channels/main.ts';
import { formats } from './formats/main.ts';
import { large } from './large.ts';
import { manyRows } from './many-rows.ts';
import type { Measurement } from './measure.ts';
import { measure } from './measure.ts';
import { topEntries } from './profile.ts';
import { drainTable, memoryTable } from './report.ts';
import { timing } from './timing.ts';

const HELP = `npm run bench -- [workload ...] [options]

Workloads (default: noop post)
  noop      drains 50,000 runs that do nothing
  post      drains 20,000 runs that each POST to another process
  memory    drains 200,000 of each, and shows the memory at every 20,000
  timing    the next instant from a pattern, beside croner and cron-parser; previews; memory of timings
  formats   500,000 rows of ten columns (PDF: 100,000) in each format, beside exceljs, csv-stringify, pdfkit's
            tables and hyparquet-writer
  rows      10 million rows of NDJSON through the engine into CSV and Parquet, with its peak of memory
  channels  5,000 small deliveries and one of 1 GB by each channel, beside the bare client in a loop
  large     a result of 1 GB through CSV to a webhook and a link, with the engine's peak of memory

Options
  --peers <names>    ${PEERS.map(({ name }) => name).join(', ')}; none; default: all
  --rounds <n>       alternating rounds, default 3
  --runs <n>         instead of the workload's number
  --megabytes <n>    size of the large result, default 1000
  --channels <names> of those that are measured; default: all
  --profile          also prints in which functions the engine spent its time (noop, post)
  --smoke            a minute's check that the accounting is right: small numbers, no peers
`;

const DRAINS = { noop: 50_000, post: 20_000 } as const;
const MEMORY_RUNS = 200_000;
const FORMAT_ROWS = 500_000;
const MANY_ROWS = 10_000_000;
type Workload = keyof typeof DRAINS;

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		peers: { type: 'string' },
		rounds: { type: 'string', default: '3' },
		runs: { type: 'string' },
		megabytes: { type: 'string' },
		channels: { type: 'string' },
		profile: { type: 'boolean', default: false },
		smoke: { type: 'boolean', default: false },
		help: { type: 'boolean', default: false },
	},
});

if (values.help) {
	process.stdout.write(HELP);
} else {
	const failures = values.smoke ? await smoke() : await benchmark();
	for (const failure of failures) process.stderr.write(`WRONG ${failure}\n`);
	process.exitCode = failures.length === 0 ? 0 : 1;
}

/** What CI runs: no figure is judged, only whether every run ended once and every key was called. */
async function smoke(): Promise<string[]> {
	const failures: string[] = [];
	for (const workload of ['noop', 'post'] as const) {
		const one = await measure(ENGINE, { workload, runs: 3000 });
		say(`${workload}: ${one.runs} runs, each ended once, ${Math.round(one.perSecond)} a second`);
		failures.push(...one.wrong.map((what) => `${workload}: ${what}`));
	}
	return [...failures, ...(await large({ megabytes: 20, say }))];
}

async function benchmark(): Promise<string[]> {
	const workloads = positionals.length === 0 ? ['noop', 'post'] : positionals;
	const peers = choosePeers(values.peers);
	const compares = workloads.some((workload) => isDrain(workload) || workload === 'formats');
	if (peers.length > 0 && compares) installPeers();
	const machine = describeMachine();
	say(machine.join('\n'));
	const measurements: Measurement[] = [];
	const failures: string[] = [];
	for (const workload of workloads) {
		if (workload === 'large') {
			failures.push(...(await large({ megabytes: Number(values.megabytes ?? 1000), say })));
		} else if (workload === 'channels') {
			failures.push(
				...(await channels({
					names: values.channels?.split(','),
					rounds: Number(values.rounds),
					megabytes: Number(values.megabytes ?? 1000),
					deliveries: values.runs === undefined ? undefined : Number(values.runs),
					say,
				})),
			);
		} else if (workload === 'rows') {
			failures.push(...(await manyRows({ rows: Number(values.runs ?? MANY_ROWS), say })));
		} else if (workload === 'formats') {
			const rows = Number(values.runs ?? FORMAT_ROWS);
			formats({ rows, rounds: Number(values.rounds), peers: peers.length > 0, say });
		} else if (workload === 'timing') {
			timing({ say });
		} else if (workload === 'memory') {
			measurements.push(...(await memory()));
		} else if (isDrain(workload)) {
			measurements.push(...(await rounds(workload, [ENGINE, ...peers])));
			if (values.profile) await profile(workload);
		} else {
			throw new Error(`no workload "${workload}"\n${HELP}`);
		}
	}
	if (measurements.length > 0) write({ machine, measurements, contestants: [ENGINE, ...peers] });
	for (const { workload, contestant, wrong } of measurements) {
		failures.push(...wrong.map((what) => `${workload}, ${contestant}: ${what}`));
	}
	return failures;
}

function isDrain(workload: string): workload is Workload {
	return Object.hasOwn(DRAINS, workload);
}

/** Each round begins with another contestant, so that none always has the machine at its coolest. */
async function rounds(
	workload: Workload,
	contestants: readonly Contestant[],
): Promise<Measurement[]> {
	const runs = Number(values.runs ?? DRAINS[workload]);
	const field = contestants.filter((contestant) => contestant.workloads.includes(workload));
	const all: Measurement[] = [];
	for (let round = 0; round < Number(values.rounds); round++) {
		for (let i = 0; i < field.length; i++) {
			const contestant = field[(i + round) % field.length] ?? ENGINE;
			const one = await measure(contestant, { workload, runs });
			all.push(one);
			const load = loadavg()[0]?.toFixed(1) ?? '';
			say(
				`${workload} ${round + 1} ${one.contestant}: ${Math.round(one.perSecond)}/s, load ${load}`,
			);
		}
	}
	say(drainTable(all));
	return all;
}

async function memory(): Promise<Measurement[]> {
	const all: Measurement[] = [];
	for (const workload of ['noop', 'post'] as const) {
		const runs = Number(values.runs ?? MEMORY_RUNS);
		const one = await measure(ENGINE, { workload, runs, sampleEvery: Math.round(runs / 10) });
		all.push(one);
		say(memoryTable(one));
	}
	return all;
}

async function profile(workload: Workload): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'capscheduler-profile-'));
	const node = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
	await measure(ENGINE, { workload, runs: Number(values.runs ?? DRAINS[workload]), node });
	say(`${workload}: where the engine's time goes (self time, without idling)`);
	for (const { entry, percent } of topEntries(folder, 25))
		say(`${percent.toFixed(1).padStart(5)} %  ${entry}`);
	rmSync(folder, { recursive: true, force: true });
}

function choosePeers(names: string | undefined): Contestant[] {
	if (names === 'none') return [];
	if (names === undefined) return [...PEERS];
	return names.split(',').map((name) => {
		const peer = PEERS.find((candidate) => candidate.name === name);
		if (peer === undefined) throw new Error(`no peer "${name}"\n${HELP}`);
		return peer;
	});
}

/** The peers are a package of their own: nobody who builds the engine has to install them. */
function installPeers(): void {
	const lock = join(PEERS_FOLDER, 'package-lock.json');
	const installed = join(PEERS_FOLDER, 'node_modules/.package-lock.json');
	if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
	say('installing the peers ...');
	execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
		cwd: PEERS_FOLDER,
		stdio: ['ignore', 'inherit', 'inherit'],
	});
}

function describeMachine(): string[] {
	const processors = cpus();
	const model = processors[0]?.model.trim() ?? 'unknown';
	return [
		`${processors.length} x ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, SQLite ${process.versions['sqlite'] ?? ''}`,
		`load before: ${loadavg()
			.map((load) => load.toFixed(1))
			.join(' ')}`,
	];
}

function write(record: {
	machine: string[];
	measurements: Measurement[];
	contestants: readonly Contestant[];
}): void {
	const contestants = record.contestants.map((contestant) => ({
		name: contestant.name,
		version: versionOf(contestant),
		settings: contestant.settings,
	}));
	const folder = join(PEERS_FOLDER, 'results');
	mkdirSync(folder, { recursive: true });
	const at = new Date().toISOString();
	const file = join(folder, `${at.replaceAll(':', '-')}.json`);
	writeFileSync(file, `${JSON.stringify({ at, ...record, contestants }, null, '\t')}\n`);
	say(`written to ${file}`);
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}
