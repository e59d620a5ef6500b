import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface CpuProfile {
	nodes: {
		id: number;
		callFrame: { functionName: string; url: string; lineNumber: number };
		children?: number[];
	}[];
	samples: number[];
	timeDeltas: number[];
}

/** A folder for profiles, and the options of Node that write one of the whole process there. */
interface Profiling {
	folder: string;
	node: string[];
}

export function profiling(wanted: boolean): Profiling | null {
	if (!wanted) return null;
	const folder = mkdtempSync(join(tmpdir(), 'capscheduler-profile-'));
	return { folder, node: ['--cpu-prof', `--cpu-prof-dir=${folder}`] };
}

/**
 * Profiles this process from now on, without what it did to prepare.
 * @returns writes the profile into the folder
 */
export async function startProfile(folder: string | undefined): Promise<() => Promise<void>> {
	if (folder === undefined) return () => Promise.resolve();
	const session = new Session();
	session.connect();
	await session.post('Profiler.enable');
	await session.post('Profiler.start');
	return async () => {
		const { profile } = await session.post('Profiler.stop');
		writeFileSync(join(folder, 'measured.cpuprofile'), JSON.stringify(profile));
		session.disconnect();
	};
}

/** Says in which functions the time went, once the process has ended, and removes the folder. */
export function printProfile(
	profile: Profiling | null,
	title: string,
	say: (text: string) => void,
): void {
	if (profile === null) return;
	say(`${title}: where the engine's time goes (self time, without idling)`);
	for (const { entry, percent } of topEntries(profile.folder, 30))
		say(`${percent.toFixed(1).padStart(5)} %  ${entry}`);
	rmSync(profile.folder, { recursive: true, force: true });
}

/** The functions of the newest `.cpuprofile` in the folder in which most time was spent, themselves. */
function topEntries(folder: string, count: number): { entry: string; percent: number }[] {
	const file = readdirSync(folder)
		.filter((name) => name.endsWith('.cpuprofile'))
		.sort()
		.at(-1);
	if (file === undefined) return [];
	const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
	const names = namesOf(profile.nodes);
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

/** Native functions have no place of their own: they are told with who called them. */
function namesOf(nodes: CpuProfile['nodes']): Map<number, string> {
	const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
	for (const { id, children = [] } of nodes) {
		for (const child of children) {
			const native = names.get(child) ?? '';
			if (!/[ (]/.test(native)) names.set(child, `${native} < ${names.get(id) ?? ''}`);
		}
	}
	return names;
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
