import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface CpuProfile {
	nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
	samples: number[];
	timeDeltas: number[];
}

/** The functions of the newest `.cpuprofile` in the folder in which most time was spent, themselves. */
export function topEntries(folder: string, count: number): { entry: string; percent: number }[] {
	const file = readdirSync(folder)
		.filter((name) => name.endsWith('.cpuprofile'))
		.sort()
		.at(-1);
	if (file === undefined) return [];
	const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
	const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
	const times = new Map<string, number>();
	let total = 0;
	for (const [i, id] of profile.samples.entries()) {
		const name = names.get(id) ?? '';
		if (name === '(idle)') continue;
		const time = profile.timeDeltas[i] ?? 0;
		total += time;
		times.set(name, (times.get(name) ?? 0) + time);
	}
	return [...times]
		.sort(([, a], [, b]) => b - a)
		.slice(0, count)
		.map(([entry, time]) => ({ entry, percent: (100 * time) / total }));
}

function nameOf({
	functionName,
	url,
	lineNumber,
}: CpuProfile['nodes'][number]['callFrame']): string {
	const name = functionName === '' ? '(anonymous)' : functionName;
	if (url === '') return name;
	const place = url.replace(/^.*\/(?=engine\/|node_modules\/)/, '');
	return `${name} ${place}:${lineNumber + 1}`;
}
