import { fileURLToPath } from 'node:url';

import type { Child } from '../child.ts';
import { startChild } from '../child.ts';
import { load } from '../record.ts';
import { markdown, median } from '../report.ts';
import { cpuSeconds } from '../usage.ts';
import type { BenchOptions, Outcome } from '../workload.ts';
import type { ApiReady, DownloadJob, DownloadReport } from './job.ts';
import { serveByNginx } from './nginx.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const STATIC = here('static.ts');
const CLIENT = here('download-client.ts');
const ROUNDS = 5;

type Who = 'link' | 'static server' | 'nginx';

interface Place {
	who: Who;
	pid: number;
	url: string;
}

interface Download {
	workload: 'download';
	who: Who;
	bytes: number;
	megabytesPerSecond: number;
	/** Seconds of the server's processor time. */
	cpu: number;
	load: number;
}

/** The same file by link and by servers of files, by the same client, in alternating rounds. */
export async function downloads(
	engine: Child,
	{ ready, options }: { ready: ApiReady; options: BenchOptions },
): Promise<Outcome> {
	if (ready.large === null) return { measurements: [], wrong: [] };
	const { file, path } = ready.large;
	const server = startChild(STATIC, { input: { file } });
	const client = startChild(CLIENT, {});
	const nginx = options.smoke ? null : await serveByNginx(file);
	try {
		await client.next();
		const { url } = await server.next<{ url: string }>();
		const places: Place[] = [
			{ who: 'link', pid: engine.pid, url: ready.url + path },
			{ who: 'static server', pid: server.pid, url },
			...(nginx === null ? [] : [{ who: 'nginx' as const, ...nginx }]),
		];
		const hashes = new Set<string | null>();
		for (const place of places) hashes.add((await ask(client, { ...place, hashed: true })).hash);
		const all = await rounds(client, places, options);
		await client.finish();
		options.say(table(all));
		return {
			measurements: all,
			wrong: hashes.size === 1 ? [] : ['the file by link is another than on the disk'],
		};
	} finally {
		await client.kill();
		await server.kill();
		await nginx?.stop();
	}
}

async function rounds(
	client: Child,
	places: readonly Place[],
	{ smoke, rounds: asked, progress }: BenchOptions,
): Promise<Download[]> {
	const all: Download[] = [];
	const many = smoke ? 1 : (asked ?? ROUNDS);
	for (let round = 0; round < many; round++) {
		for (let i = 0; i < places.length; i++) {
			const place = places[(i + round) % places.length];
			if (place === undefined) continue;
			progress(`download: ${place.who}`, all.length, many * places.length);
			const before = cpuSeconds([place.pid]);
			const { bytes, milliseconds } = await ask(client, { ...place, hashed: false });
			all.push({
				workload: 'download',
				who: place.who,
				bytes,
				megabytesPerSecond: bytes / 1000 / milliseconds,
				cpu: cpuSeconds([place.pid]) - before,
				load: load(),
			});
		}
	}
	progress('download', 1, 1);
	return all;
}

function ask(client: Child, { url, hashed }: DownloadJob): Promise<DownloadReport> {
	client.say(JSON.stringify({ url, hashed }));
	return client.next<DownloadReport>();
}

function table(all: readonly Download[]): string {
	const groups = Map.groupBy(all, ({ who }) => who);
	const rateOf = (who: Who): number =>
		median((groups.get(who) ?? []).map((one) => one.megabytesPerSecond));
	return markdown([
		[
			`a file of ${Math.round((all[0]?.bytes ?? 0) / 1e6)} MB`,
			'MB/s',
			'of the static server',
			'all rounds',
			'CPU s',
			'load',
		],
		...[...groups].map(([who, ones]) => [
			who,
			rateOf(who).toFixed(0),
			`${((rateOf(who) / rateOf('static server')) * 100).toFixed(0)} %`,
			ones.map((one) => one.megabytesPerSecond.toFixed(0)).join(' '),
			median(ones.map(({ cpu }) => cpu)).toFixed(2),
			ones.map(({ load: at }) => at.toFixed(1)).join(' '),
		]),
	]);
}
