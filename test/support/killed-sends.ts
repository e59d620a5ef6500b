import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Body } from './api.ts';
import { CapabilityServer } from './capability-server.ts';
import { createClient, startEngineProcess } from './engine-process.ts';

/** What became of a delivery whose engine died right before one send and right after another. */
export interface KilledSends {
	/** With its attempts and its receipt. */
	delivery: Body;
	/** What was sent. */
	rows: readonly object[];
}

export interface KillOptions {
	/** Fault points with the number of the hit. */
	at?: readonly string[] | undefined;
	/** Called after each death. */
	look?(): Promise<void>;
}

export const ROWS = [
	{ id: 1, name: 'a' },
	{ id: 2, name: 'b' },
] as const;

/** Before the channel sends; after the channel sent and before that is recorded. */
const AROUND = ['deliver.before:1', 'deliver.after:1'];

/**
 * One delivery to that target by engines in processes of their own: each but the last is killed where `at` says
 * (the n-th file of the attempt), and the last brings it to its end.
 * @param settings of the engines
 */
export async function killAroundSends(
	target: Record<string, unknown>,
	settings: Readonly<Record<string, string>> = {},
	{ at = AROUND, look = async () => Promise.resolve() }: KillOptions = {},
): Promise<KilledSends> {
	const folder = await mkdtemp(join(tmpdir(), 'cap-killed-'));
	const source = await new CapabilityServer().start();
	const url = source.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ROWS));
	});
	const start = async (fault?: string) =>
		startEngineProcess({
			CAPSCHEDULER_DATA_DIR: folder,
			...settings,
			...(fault === undefined ? {} : { CAPSCHEDULER_FAULT: fault }),
		});
	try {
		const [once, ...again] = at.map((point) => `${point}:kill`);
		const first = await start(once);
		const key = first.firstKey ?? '';
		const ask = createClient(first.url, key);
		await ask('PUT', '/v1/capabilities/rows', {
			actions: { go: {} },
			binding: { type: 'http', url },
		});
		await ask('POST', '/v1/capabilities/rows/actions/go/invoke', {
			delivery: { targets: [target] },
		});
		await first.ended;
		await look();
		for (const fault of again) {
			// it may be dead before it says that it is up
			const next = await start(fault).catch(() => null);
			await next?.ended;
			await look();
		}
		const last = await start();
		try {
			return { delivery: await overAt(createClient(last.url, key)), rows: ROWS };
		} finally {
			await last.kill();
		}
	} finally {
		await source.close();
		await rm(folder, { recursive: true, force: true });
	}
}

async function overAt(ask: ReturnType<typeof createClient>): Promise<Body> {
	for (;;) {
		const { items } = await ask<{ items: Body[] }>('GET', '/v1/deliveries');
		const [delivery] = items;
		if (delivery?.state === 'delivered' || delivery?.state === 'dead') {
			return ask<Body>('GET', `/v1/deliveries/${delivery.id}`);
		}
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}
