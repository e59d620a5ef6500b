import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadConfig } from '../../engine/config.ts';
import type { StoredEvent } from '../../engine/contract/event.ts';
import type { Engine, EngineParts } from '../../engine/main.ts';
import { createEngine } from '../../engine/main.ts';
import type { Answer, Body, Client } from './api.ts';
import { clientOf } from './api.ts';
import type { FakeClock } from './fake-clock.ts';
import { createFakeClock } from './fake-clock.ts';

/** An engine in this process, on a temporary folder, with a clock that the test moves. */
export interface Bed {
	readonly engine: Engine;
	readonly url: string;
	readonly folder: string;
	readonly clock: FakeClock;
	readonly admin: Client;
	/** Holds that token, or none. */
	client(token?: string): Client;
	keyOf(
		scopes: readonly string[],
		more?: { tenant?: string; capabilities?: string[] },
	): Promise<string>;
	/** Registers a capability with one action `go`, reached at that URL. */
	register(name: string, url: string, more?: Record<string, unknown>): Promise<void>;
	/** Invokes `go`. @returns the run's id */
	invoke(name: string, body?: Record<string, unknown>): Promise<string>;
	/** Creates a schedule of `go`. @returns the answer's body */
	schedule(name: string, body: Record<string, unknown>): Promise<Body>;
	run(id: string): Promise<Body>;
	/** The run, as soon as it is in one of these states; default: when it is over. */
	runIn(id: string, ...states: string[]): Promise<Body>;
	/** The delivery, as soon as it is in that state. */
	deliveryIn(id: string, state: string): Promise<Body>;
	ledger(scheduleId: string): Promise<Body[]>;
	events(type?: string): Promise<StoredEvent[]>;
	/** Looks again after every commit that tells of something, until `look` gives something. */
	until<T>(look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T>;
	/** Stops the engine and starts another on the same folder, `later` milliseconds later. */
	restart(later?: number, settings?: Record<string, string>): Promise<void>;
	close(): Promise<void>;
}

const OVER = ['succeeded', 'failed', 'cancelled', 'expired'];

export async function startBed(
	settings: Readonly<Record<string, string>> = {},
	parts: Omit<EngineParts, 'clock'> & { clock?: FakeClock } = {},
): Promise<Bed> {
	const folder = await mkdtemp(join(tmpdir(), 'cap-bed-'));
	const clock = parts.clock ?? createFakeClock();
	let now = { ...settings };
	const start = async (): Promise<Engine> => {
		const config = loadConfig({
			CAPSCHEDULER_DATA_DIR: join(folder, 'data'),
			CAPSCHEDULER_PORT: '0',
			CAPSCHEDULER_LOG: 'silent',
			CAPSCHEDULER_RATE_LIMIT: '1000000',
			CAPSCHEDULER_DRAIN: '0s',
			CAPSCHEDULER_FILE_ROOTS: join(folder, 'out'),
			...now,
		});
		const made = await createEngine(config, { ...parts, clock });
		await made.start();
		return made;
	};
	let engine = await start();
	const key = engine.firstKey ?? '';

	const bed: Bed = {
		get engine() {
			return engine;
		},
		get url() {
			return engine.url;
		},
		folder,
		clock,
		get admin() {
			return clientOf(engine.url, key);
		},
		client: (token) => clientOf(engine.url, token),
		async keyOf(scopes, more = {}) {
			const { body } = demand(
				await bed.admin.post('/v1/keys', { name: 'test', scopes, ...more }),
				201,
			);
			return body.token as string;
		},
		async register(name, url, more = {}) {
			const {
				binding,
				actions = { go: {} },
				...rest
			} = more as { binding?: object; actions?: object };
			const body = { actions, binding: { type: 'http', url, ...binding }, ...rest };
			demand(await bed.admin.put(`/v1/capabilities/${name}`, body), 200, 201);
		},
		async invoke(name, body = {}) {
			const path = `/v1/capabilities/${name}/actions/go/invoke`;
			return demand(await bed.admin.post(path, body), 202).body.id as string;
		},
		async schedule(name, body) {
			return demand(await bed.admin.post(`/${name}/schedule`, { action: 'go', ...body }), 201).body;
		},
		async run(id) {
			return demand(await bed.admin.get(`/v1/runs/${id}`), 200).body;
		},
		async runIn(id, ...states) {
			const wanted = states.length === 0 ? OVER : states;
			return bed.until(async () => {
				const run = await bed.run(id);
				return wanted.includes(run.state) && run;
			});
		},
		async deliveryIn(id, state) {
			return bed.until(async () => {
				const { body } = demand(await bed.admin.get(`/v1/deliveries/${id}`), 200);
				return body.state === state && body;
			});
		},
		async ledger(scheduleId) {
			const path = `/v1/schedules/${scheduleId}/occurrences?outcome=decided&limit=200`;
			return demand(await bed.admin.get(path), 200).body.items as Body[];
		},
		async events(type) {
			const all: StoredEvent[] = [];
			for (;;) {
				const page = await engine.context.store.readEvents('default', all.at(-1)?.id ?? null, 500);
				all.push(...page);
				if (page.length < 500) break;
			}
			return type === undefined ? all : all.filter((event) => event.type === type);
		},
		async until(look) {
			for (;;) {
				const more = Promise.withResolvers<void>();
				const forget = engine.context.store.onEvents(() => {
					more.resolve();
				});
				try {
					const found = await look();
					if (found !== undefined && found !== false) return found;
					await more.promise;
				} finally {
					forget();
				}
			}
		},
		async restart(later = 0, more = {}) {
			await engine.stop();
			clock.advance(later);
			now = { ...now, ...more };
			engine = await start();
		},
		async close() {
			await engine.stop();
			await rm(folder, { recursive: true, force: true });
		},
	};
	return bed;
}

/** The answer, if it has one of these statuses. @throws Error with the body */
export function demand(answer: Answer, ...statuses: number[]): Answer {
	if (statuses.includes(answer.status)) return answer;
	throw new Error(`expected ${statuses.join(' or ')}, got ${answer.status}: ${answer.text}`);
}
