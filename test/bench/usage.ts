import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, which Linux shows to programs as 100 on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
	parent: number;
	/** Its own and that of its children that ended and were waited for. */
	ticks: number;
}

/** Of these processes and all their descendants, since they began. Linux only: read from /proc. */
export function cpuSeconds(roots: readonly number[]): number {
	const stats = readStats();
	let ticks = 0;
	for (const pid of family(stats, roots)) ticks += stats.get(pid)?.ticks ?? 0;
	return ticks / TICKS_PER_SECOND;
}

/** Proportional set size, so that memory which a server's processes share is counted once. */
export function memoryBytes(roots: readonly number[]): number {
	let sum = 0;
	for (const pid of family(readStats(), roots)) {
		const pss = /^Pss:\s+(\d+) kB/m.exec(readProc(`${pid}/smaps_rollup`))?.[1];
		sum += Number(pss ?? 0) * 1024;
	}
	return sum;
}

/** The most that one process ever held (VmHWM). */
export function peakRss(pid: number): number {
	return Number(/^VmHWM:\s+(\d+) kB/m.exec(readProc(`${pid}/status`))?.[1] ?? 0) * 1024;
}

/** Of a contestant: of the process that works, and of the server that it keeps its jobs on. */
export interface Usage {
	worker: number;
	server: number;
}

/** Measures from now on; a contestant without a server has 0 there. */
export function startMeter(
	pid: number,
	server: { pid: number } | null,
): { cpu(): Usage; memory(): Usage } {
	const used = (): Usage => ({
		worker: cpuSeconds([pid]),
		server: server === null ? 0 : cpuSeconds([server.pid]),
	});
	const before = used();
	return {
		/** Seconds since it began. */
		cpu() {
			const now = used();
			return { worker: now.worker - before.worker, server: now.server - before.server };
		},
		/** Bytes: the worker's peak, and what its server holds now. */
		memory: () => ({
			worker: peakRss(pid),
			server: server === null ? 0 : memoryBytes([server.pid]),
		}),
	};
}

function family(stats: ReadonlyMap<number, Stat>, roots: readonly number[]): Set<number> {
	const members = new Set(roots);
	for (let before = -1; before !== members.size;) {
		before = members.size;
		for (const [pid, { parent }] of stats) if (members.has(parent)) members.add(pid);
	}
	return members;
}

function readStats(): Map<number, Stat> {
	const stats = new Map<number, Stat>();
	for (const name of readdirSync('/proc')) {
		if (!/^\d+$/.test(name)) continue;
		// the name of the program, in parentheses, may contain anything
		const fields = readProc(`${name}/stat`).split(') ').at(-1)?.split(' ') ?? [];
		if (fields.length < 15) continue;
		const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
		stats.set(Number(name), { parent: Number(fields[1]), ticks });
	}
	return stats;
}

/** Empty when the process has ended meanwhile. */
function readProc(path: string): string {
	try {
		return readFileSync(`/proc/${path}`, 'utf8');
	} catch {
		return '';
	}
}
