import { parseArgs } from 'node:util';

import type { Contestant } from './contestants.ts';
import { ENGINE, PEERS } from './contestants.ts';
import { createProgress } from './progress.ts';
import { describeMachine, installPeers, machineLines, writeRecord } from './record.ts';
import type { StoreName } from './servers.ts';
import { STORES } from './servers.ts';
import type { BenchOptions } from './workload.ts';
import { WORKLOADS } from './workloads.ts';

const DEFAULT = ['noop', 'post'];

const OPTIONS = {
	peers: { type: 'string' },
	rounds: { type: 'string' },
	runs: { type: 'string' },
	seconds: { type: 'string' },
	sizes: { type: 'string' },
	ledger: { type: 'string' },
	others: { type: 'string' },
	store: { type: 'string', default: 'sqlite' },
	megabytes: { type: 'string', default: '1000' },
	channels: { type: 'string' },
	profile: { type: 'boolean', default: false },
	smoke: { type: 'boolean', default: false },
	help: { type: 'boolean', default: false },
} as const;

/** Peers of single workloads, beside those of the queues. */
const OTHER_PEERS = ['croner'];

function help(): string {
	const width = Math.max(...Object.keys(WORKLOADS).map((name) => name.length)) + 2;
	const lines = Object.entries(WORKLOADS).map(
		([name, { about }]) => `  ${name.padEnd(width)}${wrapped(about, width + 2)}`,
	);
	return `npm run bench -- [workload ...] [options]

Workloads (default: ${DEFAULT.join(' ')})
${lines.join('\n')}

Options
  --peers <names>    ${[...PEERS.map(({ name }) => name), ...OTHER_PEERS].join(', ')};
                     none; default: all
  --rounds <n>       alternating rounds; default: the workload's, 1 to 3
  --runs <n>         instead of the workload's number of runs, schedules, rows or results
  --seconds <n>      how long w2, hour, api and idle measure
  --sizes <n,...>    stored schedules (w4, idle), requests a second (api) or engines (cluster)
  --ledger <n>       rows of the ledger that are there before (w4)
  --others <n>       schedules stored beside those that are due (w2)
  --store <name>     what the engine keeps all in (noop, post, w2): ${Object.keys(STORES).join(', ')}
  --megabytes <n>    size of the large result, default 1000
  --channels <names> of those that are measured; default: all
  --profile          also prints in which functions the engine spent its time (noop, post, channels,
                     w2, w3, hour, api)
  --smoke            a check that the accounting is right: small numbers, no peers, no figure is judged
`;
}

function wrapped(text: string, indent: number): string {
	const lines = [''];
	for (const word of text.split(' ')) {
		const line = lines.at(-1) ?? '';
		if (line.length + word.length + indent > 108) lines.push(word);
		else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
	}
	return lines.join(`\n${' '.repeat(indent)}`);
}

/** Thrown for what was asked wrongly. */
class UsageError extends Error {}

const say = (text: string): void => {
	process.stdout.write(`${text}\n`);
};

try {
	const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
	if (values.help) {
		process.stdout.write(help());
	} else {
		const names = chooseWorkloads(positionals, values.smoke);
		const failures = await benchmark(names, optionsOf(values));
		for (const failure of failures) process.stderr.write(`WRONG ${failure}\n`);
		process.exitCode = failures.length === 0 ? 0 : 1;
	}
} catch (error) {
	const asked =
		error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
	if (asked !== true) throw error;
	process.stderr.write(`${(error as Error).message}\n\n${help()}`);
	process.exitCode = 2;
}

/** @throws UsageError before anything is measured */
function chooseWorkloads(asked: readonly string[], smoke: boolean): string[] {
	const unknown = asked.filter((name) => !Object.hasOwn(WORKLOADS, name));
	if (unknown.length > 0) {
		throw new UsageError(
			`workloads: expected some of ${Object.keys(WORKLOADS).join(', ')}, got ${unknown.join(', ')}`,
		);
	}
	if (asked.length > 0) return [...asked];
	return smoke
		? Object.keys(WORKLOADS).filter((name) => WORKLOADS[name]?.inSmoke === true)
		: DEFAULT;
}

function optionsOf(values: {
	[Name in keyof typeof OPTIONS]?: (typeof OPTIONS)[Name]['type'] extends 'boolean'
		? boolean
		: string;
}): BenchOptions {
	const peerNames = values.peers === undefined ? null : values.peers.split(',');
	return {
		...choosePeers(values.smoke === true ? ['none'] : peerNames),
		rounds: atLeastOne('rounds', numberOf('rounds', values.rounds)),
		runs: numberOf('runs', values.runs),
		seconds: numberOf('seconds', values.seconds),
		sizes: values.sizes?.split(',').map((size) => numberOf('sizes', size) ?? 0) ?? null,
		ledger: numberOf('ledger', values.ledger),
		others: numberOf('others', values.others),
		store: storeOf(values.store ?? ''),
		megabytes: numberOf('megabytes', values.megabytes) ?? 0,
		channels: values.channels?.split(','),
		profile: values.profile === true,
		smoke: values.smoke === true,
		say,
		progress: createProgress(),
	};
}

function storeOf(name: string): StoreName {
	if (Object.hasOwn(STORES, name)) return name as StoreName;
	throw new UsageError(`--store: expected one of ${Object.keys(STORES).join(', ')}, got ${name}`);
}

function numberOf(name: string, text: string | undefined): number | null {
	if (text === undefined) return null;
	if (!/^\d+$/.test(text)) throw new UsageError(`--${name}: expected whole numbers, got "${text}"`);
	return Number(text);
}

/** None at all would measure nothing, and look as if all were well. */
function atLeastOne(name: string, value: number | null): number | null {
	if (value === 0) throw new UsageError(`--${name}: expected at least 1, got 0`);
	return value;
}

function choosePeers(names: readonly string[] | null): Pick<BenchOptions, 'peers' | 'peerNames'> {
	if (names === null) return { peers: PEERS, peerNames: null };
	if (names.length === 1 && names[0] === 'none') return { peers: [], peerNames: [] };
	const known = new Set([...PEERS.map(({ name }) => name), ...OTHER_PEERS]);
	const unknown = names.filter((name) => !known.has(name));
	if (unknown.length > 0) {
		throw new UsageError(
			`--peers: expected some of ${[...known].join(', ')}, or none, got ${unknown.join(', ')}`,
		);
	}
	const peers: Contestant[] = PEERS.filter(({ name }) => names.includes(name));
	return { peers, peerNames: names };
}

/** @returns what is not as it must be */
async function benchmark(names: readonly string[], options: BenchOptions): Promise<string[]> {
	const wantsPeers = options.peerNames === null || options.peerNames.length > 0;
	if (wantsPeers && names.some((name) => WORKLOADS[name]?.usesPeers)) installPeers(say);
	const machine = describeMachine();
	say(machineLines(machine).join('\n'));
	const measurements: object[] = [];
	const failures: string[] = [];
	for (const name of names) {
		const outcome = await WORKLOADS[name]?.run(options);
		measurements.push(...(outcome?.measurements ?? []));
		failures.push(...(outcome?.wrong ?? []).map((what) => `${name}: ${what}`));
	}
	if (measurements.length > 0 && !options.smoke) {
		const compared = names.some((name) => WORKLOADS[name]?.usesPeers);
		const contestants = [ENGINE, ...(compared ? options.peers : [])];
		const command = process.argv.slice(2);
		say(`written to ${writeRecord({ machine, command, measurements, contestants })}`);
	}
	return failures;
}
