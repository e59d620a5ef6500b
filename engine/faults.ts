import type { FaultPoints } from './contract/fault-points.ts';

/**
 * Named places where a test makes the engine fail: `CAPSCHEDULER_FAULT=<point>:<n>:kill|hang|throw`, several
 * separated by commas. At the n-th hit of the point the process kills itself (SIGKILL), blocks for
 * ever, or throws.
 */
export const FAULT_ACTIONS = ['kill', 'hang', 'throw'] as const;
export type FaultAction = (typeof FAULT_ACTIONS)[number];

/** What a fault point throws. */
export class InjectedFault extends Error {
	constructor(point: string, count: number) {
		super(`injected fault at ${point}:${count}`);
		this.name = 'InjectedFault';
	}
}

export const noFaults: FaultPoints = { hit: () => undefined };

interface Fault {
	point: string;
	count: number;
	action: FaultAction;
}

/** @throws Error that says what is wrong with the specification */
export function createFaults(
	spec: string | undefined,
	perform: Record<'kill' | 'hang', () => void> = { kill, hang: block },
): FaultPoints {
	if (spec === undefined || spec === '') return noFaults;
	const faults = spec.split(',').map(parseFault);
	const hits = new Map<string, number>();
	return {
		hit(point) {
			const count = (hits.get(point) ?? 0) + 1;
			hits.set(point, count);
			const fault = faults.find((f) => f.point === point && f.count === count);
			if (fault === undefined) return;
			if (fault.action === 'throw') throw new InjectedFault(point, count);
			perform[fault.action]();
		},
	};
}

function parseFault(text: string): Fault {
	const [, point, count, action] = /^([\w.-]+):([1-9]\d{0,8}):(\w+)$/.exec(text.trim()) ?? [];
	const known = FAULT_ACTIONS.find((name) => name === action);
	if (point === undefined || count === undefined || known === undefined) {
		throw new Error(`expected <point>:<n>:${FAULT_ACTIONS.join('|')}, got "${text}"`);
	}
	return { point, count: Number(count), action: known };
}

/** Nothing runs after it: no exit handler, no flush. */
function kill(): void {
	process.kill(process.pid, 'SIGKILL');
	block();
}

function block(): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
