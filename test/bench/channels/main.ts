import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ENGINE_NODE, startChild } from '../child.ts';
import { printProfile, profiling } from '../profile.ts';
import { load } from '../record.ts';
import { markdown, median } from '../report.ts';
import { cpuSeconds, peakRss } from '../usage.ts';
import type { Outcome } from '../workload.ts';
import type { ChannelJob } from './job.ts';
import { PLACES, type Place } from './places.ts';

const ENGINE = fileURLToPath(new URL('engine.ts', import.meta.url));
const BARE = fileURLToPath(new URL('bare.ts', import.meta.url));
/** Deliveries at once: the engine's default. */
const PARALLEL = 64;
const SMALL = 1024;

interface Sent {
	seconds: number;
	cpu: number;
	rss: number;
	load: number;
}

interface Line {
	channel: string;
	what: string;
	engine: Sent[];
	bare: Sent[];
	deliveries: number;
	bytes: number;
}

/**
 * Many small deliveries, and one of many megabytes, for each channel: the engine with durable receipts beside
 * the bare client in a loop, in alternating rounds.
 */
export async function channels(options: {
	names: readonly string[] | undefined;
	rounds: number;
	megabytes: number;
	deliveries: number | undefined;
	/** Also says in which functions the engine spent its time. */
	profile?: boolean;
	say: (text: string) => void;
}): Promise<Outcome> {
	const { names = Object.keys(PLACES), rounds, megabytes, say } = options;
	const wrong: string[] = [];
	const lines: Line[] = [];
	for (const name of names) {
		const start = PLACES[name];
		if (start === undefined)
			throw new Error(`no channel "${name}" here: ${Object.keys(PLACES).join(', ')}`);
		const place = await start();
		try {
			const kinds = [
				{ what: '1 kB', deliveries: options.deliveries ?? place.small, bytes: SMALL },
				...(place.large && megabytes > 0
					? [{ what: `${megabytes} MB`, deliveries: 1, bytes: megabytes * 1e6 }]
					: []),
			];
			for (const kind of kinds) {
				const line: Line = { channel: name, ...kind, engine: [], bare: [] };
				lines.push(line);
				for (let round = 0; round < rounds; round++) {
					for (const who of round % 2 === 0
						? (['engine', 'bare'] as const)
						: (['bare', 'engine'] as const)) {
						const sent = await measure(who, place, {
							about: { ...kind, channel: name },
							...(options.profile === true ? { profile: say } : {}),
						});
						if (sent.delivered !== kind.deliveries)
							wrong.push(`${name}: ${sent.delivered} of ${kind.deliveries} delivered`);
						line[who].push(sent);
						say(
							`${name} ${kind.what} ${round + 1} ${who}: ${sent.seconds.toFixed(2)} s, load ${sent.load}`,
						);
					}
				}
			}
		} finally {
			await place.stop();
		}
	}
	say(table(lines));
	return { measurements: lines.map((line) => ({ workload: 'channels', ...line })), wrong };
}

function table(lines: readonly Line[]): string {
	return markdown([
		['channel', 'each', 'engine', 'bare client', 'engine / bare', 'CPU s per 1,000', 'peak RSS MB'],
		...lines.map(({ channel, what, deliveries, bytes, engine, bare }) => {
			const [ours, theirs] = [engine, bare].map((all) => median(all.map(({ seconds }) => seconds)));
			const rate = (seconds: number): string =>
				deliveries === 1
					? `${(bytes / seconds / 1e6).toFixed(0)} MB/s`
					: `${Math.round(deliveries / seconds).toLocaleString('en')}/s`;
			const cpu = median(engine.map((one) => one.cpu));
			return [
				channel,
				what,
				rate(ours!),
				rate(theirs!),
				`${Math.round((theirs! / ours!) * 100)} %`,
				deliveries === 1 ? '' : ((cpu / deliveries) * 1000).toFixed(3),
				Math.round(median(engine.map(({ rss }) => rss)) / 1e6).toString(),
			];
		}),
	]);
}

async function measure(
	who: 'engine' | 'bare',
	place: Place,
	{
		about,
		profile,
	}: {
		about: { channel: string; deliveries: number; bytes: number };
		profile?: (text: string) => void;
	},
): Promise<Sent & { delivered: number }> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-channels-'));
	try {
		await mkdir(join(folder, 'out'));
		const {
			settings,
			engine,
			server,
			format,
			parallel = PARALLEL,
		} = await place.prepare(join(folder, 'out'));
		const job: ChannelJob = {
			...about,
			settings,
			engine,
			server,
			parallel,
			...(format === undefined ? {} : { format }),
		};
		if (who === 'engine') {
			const first = startChild(ENGINE, {
				input: { ...job, role: 'prepare', place: join(folder, 'data') },
			});
			await first.next();
			await first.finish();
		}
		const input = { ...job, role: 'deliver', place: join(folder, 'data') };
		const profiled = profiling(profile !== undefined && who === 'engine');
		const node = [...ENGINE_NODE, ...(profiled?.node ?? [])];
		const child = startChild(who === 'engine' ? ENGINE : BARE, { input, node });
		await child.next();
		const before = cpuSeconds([child.pid]);
		child.say('go');
		const { milliseconds, delivered } = await child.next<{
			milliseconds: number;
			delivered: number;
		}>();
		const sent = {
			seconds: milliseconds / 1000,
			cpu: cpuSeconds([child.pid]) - before,
			rss: peakRss(child.pid),
			load: load(),
			delivered,
		};
		child.say('end');
		await child.finish();
		if (profile !== undefined) printProfile(profiled, about.channel, profile);
		return sent;
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}
