import type { EngineId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Role } from '../contract/roles.ts';
import { ROLES } from '../contract/roles.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { Context } from './context.ts';

/*
 * Which engines share the store: each keeps a small document of itself there, and writes it anew every ten seconds.
 * Leases decide who works on what; the number of workers only says how much of it one takes up at once.
 */

/** Engines belong to no tenant. */
const NOBODY = '*';
const KIND = 'engine:';
const BEAT: Duration = 10_000;
/** An engine that was not heard of for so long is taken to be lost; its leases say for sure. */
const LOST_AFTER: Duration = 35_000;
/** For so long one that is gone is told of. */
const REMEMBERED: Duration = 3_600_000;
const MOST = 500;
/** Nobody else writes the document of an engine: a second one is enough, unless it is taken away just then. */
const TRIES = 3;

/** What an engine says of itself. */
export interface AboutEngine {
	version: string;
	roles: readonly Role[];
	host: string;
	pid: number;
	/** Where it listens. */
	url: string;
	/** How far the store's clock is ahead of the machine's, in milliseconds; null where it is the machine's. */
	clockAhead: Duration | null;
	inFlight: { runs: number; deliveries: number; notifications: number };
	/** The fingerprints of the keys that it can open secrets with, by key id; not told by engines of before. */
	keys?: Record<string, string>;
}

type EngineState = 'running' | 'draining' | 'stopped';

export interface EngineView extends AboutEngine {
	id: EngineId;
	state: EngineState | 'lost';
	startedAt: Instant;
	/** When it was heard of last. */
	seenAt: Instant;
}

export interface EngineRegistry {
	start(): Promise<void>;
	draining(): Promise<void>;
	stop(): Promise<void>;
}

export function createEngineRegistry(ctx: Context, about: () => AboutEngine): EngineRegistry {
	const key = `${KIND}${ctx.engineId}`;
	const startedAt = ctx.clock.now();
	let revision = 0;
	let state: EngineState = 'running';
	let cancel: (() => void) | null = null;
	/** One after the other: of two at once one would find another revision than it knew. */
	let beating: Promise<void> = Promise.resolve();

	async function beat(): Promise<void> {
		for (let tries = 1; tries <= TRIES; tries++) {
			const seenAt = ctx.clock.now();
			const value = { ...about(), state, startedAt, seenAt } as unknown as JsonObject;
			const document = { tenant: NOBODY, key, value, dueAt: null, keepUntil: seenAt + REMEMBERED };
			if (await ctx.store.putShared(document, { expected: revision, events: [] })) {
				revision += 1;
				ctx.peers.workers = Math.max(1, (await listEngines(ctx)).filter(works).length);
				return;
			}
			// A reply was lost, or retention has taken it away: it goes on from what is there.
			revision = (await ctx.store.getShared(NOBODY, key))?.revision ?? 0;
		}
	}

	/** A beat that fails says nothing about the engine but that it could not be written; the next may. */
	async function tryBeat(): Promise<void> {
		beating = beating.then(beat).catch((error: unknown) => {
			ctx.log.debug('the heartbeat of the engine failed', {
				error: error instanceof Error ? error : undefined,
			});
		});
		await beating;
	}

	function again(): void {
		cancel = ctx.clock.after(BEAT, () => {
			void tryBeat().then(() => {
				if (cancel !== null) again();
			});
		});
	}

	return {
		async start() {
			await tryBeat();
			again();
		},
		async draining() {
			state = 'draining';
			await tryBeat();
		},
		/** Of one that never started there is nothing to tell. */
		async stop() {
			if (cancel === null) return;
			cancel();
			cancel = null;
			state = 'stopped';
			await tryBeat();
		},
	};
}

type Said = Omit<EngineView, 'id' | 'roles' | 'state'> & {
	roles?: readonly Role[];
	state: EngineState;
};

function works({ state, roles }: EngineView): boolean {
	return state === 'running' && roles.includes('worker');
}

/** All that were heard of within the last hour, the youngest first. */
export async function listEngines(ctx: Pick<Context, 'store' | 'clock'>): Promise<EngineView[]> {
	const now = ctx.clock.now();
	const documents = await ctx.store.listShared(NOBODY, KIND, MOST);
	return documents
		.map(({ key, value }) => {
			const said = value as unknown as Said;
			const lost = said.state !== 'stopped' && said.seenAt < now - LOST_AFTER;
			const id = key.slice(KIND.length) as EngineId;
			// Those before there were roles said nothing of them, and did everything.
			const { roles = ROLES } = said;
			return { ...said, roles, id, state: lost ? ('lost' as const) : said.state };
		})
		.sort((a, b) => b.startedAt - a.startedAt);
}
