import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { askChild, startChild } from './child.ts';
import type { Contestant } from './contestants.ts';
import type { Drained, Job, Verified } from './job.ts';
import { load } from './record.ts';
import type { JobServer } from './servers.ts';
import { startMeter } from './usage.ts';

const TARGET = fileURLToPath(new URL('target.ts', import.meta.url));

/** One contestant's drain of one workload. */
export interface Measurement {
	contestant: string;
	workload: string;
	runs: number;
	perSecond: number;
	enqueuedPerSecond: number;
	/** Of the worker and of its server; the target's is not counted. */
	cpu: { worker: number; server: number };
	/** Bytes: the worker's peak, and what its server holds at the end. */
	memory: { worker: number; server: number };
	samples?: Drained['samples'];
	server?: Pick<JobServer, 'version' | 'durability'>;
	/** The load average when it ended: what else ran. */
	load: number;
	/** What is not as it must be; empty when each job ended once and each key was called. */
	wrong: string[];
}

interface TargetReport {
	calls: number;
	keys: number;
	hash: string;
}

export interface MeasureOptions {
	workload: 'noop' | 'post';
	runs: number;
	sampleEvery?: number | undefined;
	settings?: Record<string, string> | undefined;
	/** Options of Node for the process that drains. */
	node?: string[] | undefined;
}

/** Enqueues in one process, drains in another, and reads in a third what was recorded. */
export async function measure(
	contestant: Contestant,
	options: MeasureOptions,
): Promise<Measurement> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-bench-'));
	const server = (await contestant.server?.()) ?? null;
	const target = options.workload === 'post' ? startChild(TARGET, {}) : null;
	try {
		const url = target === null ? null : (await target.next<{ url: string }>()).url;
		const job = { place: server?.url ?? folder, target: url, runs: options.runs };
		const enqueueBegan = performance.now();
		await askChild(contestant.program, { ...job, role: 'enqueue' });
		const enqueued = performance.now() - enqueueBegan;
		const drained = await drain(contestant, { ...job, role: 'drain' }, { server, options });
		const verified = await askChild<Verified>(contestant.program, { ...job, role: 'verify' });
		target?.say('report');
		const seen = target === null ? null : await target.next<TargetReport>();
		return {
			contestant: contestant.name,
			workload: options.workload,
			runs: options.runs,
			perSecond: options.runs / (drained.milliseconds / 1000),
			enqueuedPerSecond: options.runs / (enqueued / 1000),
			cpu: drained.cpu,
			memory: drained.memory,
			...(drained.samples === undefined ? {} : { samples: drained.samples }),
			...(server === null
				? {}
				: { server: { version: server.version, durability: server.durability } }),
			load: load(),
			wrong: [...wrongRecords(verified, options.runs), ...wrongCalls(seen, verified, options.runs)],
		};
	} finally {
		await target?.kill();
		await server?.stop();
		await rm(folder, { recursive: true, force: true });
	}
}

async function drain(
	contestant: Contestant,
	job: Job,
	{ server, options }: { server: JobServer | null; options: MeasureOptions },
): Promise<Drained & Pick<Measurement, 'cpu' | 'memory'>> {
	const { sampleEvery, settings, node } = options;
	const input: Job = {
		...job,
		...(sampleEvery === undefined ? {} : { sampleEvery }),
		...(settings === undefined ? {} : { settings }),
	};
	const child = startChild(contestant.program, {
		input,
		node: [...(contestant.node ?? []), ...(node ?? [])],
	});
	await child.next();
	const meter = startMeter(child.pid, server);
	child.say('go');
	const drained = await child.next<Drained>();
	const cpu = meter.cpu();
	const memory = meter.memory();
	child.say('end');
	await child.finish();
	return { ...drained, cpu, memory };
}

export function wrongRecords(verified: Verified, runs: number): string[] {
	const wrong: string[] = [];
	const expect = (what: string, count: number | undefined): void => {
		if (count !== undefined && count !== runs) wrong.push(`${what}: ${count} of ${runs}`);
	};
	expect('recorded', verified.runs);
	expect('succeeded', verified.succeeded);
	expect('with an event of an end', verified.ended);
	expect('with exactly one event of an end', verified.endedOnce);
	return wrong;
}

function wrongCalls(seen: TargetReport | null, verified: Verified, runs: number): string[] {
	if (seen === null) return [];
	const wrong: string[] = [];
	if (seen.keys !== runs) wrong.push(`keys called: ${seen.keys} of ${runs}`);
	if (seen.calls !== runs) wrong.push(`calls: ${seen.calls} for ${runs} jobs`);
	if (verified.hash !== undefined && seen.hash !== verified.hash) {
		wrong.push('the keys that the target saw are not the ids of the runs');
	}
	return wrong;
}
