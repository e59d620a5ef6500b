import { setTimeout as pause } from 'node:timers/promises';

import type { EngineProcess } from './engine-process.ts';
import { startEngineProcess } from './engine-process.ts';

/** The key that engines of one store share. */
export const SHARED_KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

/** Settings of engines that share a store, with times that do not make a test wait. */
export function sharedSettings(folder: string, store: string): Record<string, string> {
	return {
		CAPSCHEDULER_DATA_DIR: folder,
		CAPSCHEDULER_STORE: store,
		CAPSCHEDULER_KEYS: SHARED_KEYS,
		CAPSCHEDULER_LEASE: '3s',
		CAPSCHEDULER_SMALLEST_INTERVAL: '1s',
		CAPSCHEDULER_NOTIFY_AFTER: '3s',
	};
}

interface FaultyProxy {
	reset(): void;
	stall(): () => void;
	loseReplies(times: number): Promise<void>;
	/** Requests to write are lost on their way. */
	loseWrites(times: number): Promise<void>;
}

interface Shaken {
	/** Those that are killed are replaced here. */
	engines: EngineProcess[];
	settings: Record<string, string>;
	proxy: FaultyProxy;
	server: { kill(): Promise<void>; restart(): Promise<void> };
	random: () => number;
}

/** Does so many faults to engines and to the server that they share, one after another, each kind in turn. */
export async function shake(
	{ engines, settings, proxy, server, random }: Shaken,
	times: number,
): Promise<void> {
	const anyone = (): number => Math.floor(random() * engines.length);
	const faults: (() => Promise<void>)[] = [
		async function killsAnEngine() {
			const at = anyone();
			await engines[at]?.kill();
			engines[at] = await startEngineProcess(settings);
		},
		async function standsStillPastItsLease() {
			const pid = engines[anyone()]?.pid ?? 0;
			process.kill(pid, 'SIGSTOP');
			await pause(4_500);
			process.kill(pid, 'SIGCONT');
		},
		async function losesReplies() {
			await proxy.loseReplies(3);
		},
		async function losesWrites() {
			await proxy.loseWrites(3);
		},
		async function resetsConnections() {
			proxy.reset();
			await pause(300);
			proxy.reset();
		},
		async function killsTheServer() {
			await server.kill();
			await pause(random() * 1_000);
			await server.restart();
		},
		async function standsStill() {
			const goOn = proxy.stall();
			await pause(2_000);
			goOn();
			// What was swallowed never comes.
			proxy.reset();
		},
	];
	for (let n = 0; n < times; n++) {
		await pause(300 + random() * 700);
		await faults[n % faults.length]?.();
	}
}
