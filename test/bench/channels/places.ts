import { fileURLToPath } from 'node:url';

import { startChild } from '../child.ts';

/** Where a channel sends to in the benchmark. */
export interface Place {
	/** How many small deliveries take a few seconds. */
	small: number;
	/** Whether one large file is worth measuring. */
	large: boolean;
	/** For one measurement. @param folder an empty one */
	prepare(folder: string): Promise<{
		settings: Record<string, unknown>;
		engine: Record<string, string>;
		server: Record<string, string>;
		format?: 'ndjson';
	}>;
	stop(): Promise<void>;
}

const TARGET = fileURLToPath(new URL('../target.ts', import.meta.url));

export const PLACES: Record<string, () => Promise<Place>> = {
	file: () =>
		Promise.resolve({
			small: 5000,
			large: true,
			prepare: (folder) =>
				Promise.resolve({
					settings: { folder },
					engine: { CAPSCHEDULER_FILE_ROOTS: folder },
					server: { folder },
				}),
			stop: () => Promise.resolve(),
		}),
	async webhook() {
		const target = startChild(TARGET, {});
		const { url } = await target.next<{ url: string }>();
		return {
			small: 10_000,
			large: true,
			prepare: () => Promise.resolve({ settings: { url }, engine: {}, server: { url } }),
			stop: () => target.kill(),
		};
	},
};
