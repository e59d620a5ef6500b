import type { EventDraft, EventType } from '../contract/event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Delivery } from '../contract/run.ts';
import type { Duration, Instant } from '../contract/time.ts';
import { toIso } from '../contract/time.ts';
import type { Circuit, Outcome } from '../core/delivery/circuit.ts';
import { admit, afterSend, askAgainAt, CLOSED } from '../core/delivery/circuit.ts';
import type { Turns } from '../core/delivery/turns.ts';
import { giveTurnBack, NO_TURNS, paceOf, takeTurn } from '../core/delivery/turns.ts';
import type { SharedState } from '../stores/shared-state.port.ts';
import type { Context } from './context.ts';
import type { Entry, Place, Places } from './place.ts';

/*
 * The places that deliveries go to: whether they may go now, by the place's circuit, its limits, and what this
 * engine can spare for it. Circuit and turns are in the store, one document a place, so that a restart keeps
 * them and all engines share them. A place in order without limits costs one read a second and no write.
 */

interface Standing {
	circuit: Circuit;
	turns: Turns;
	/** 0: nothing is stored. */
	revision: number;
	readAt: number;
}

/** What this engine alone knows; it decides nothing but when something is looked at again. */
interface Local {
	standing: Standing | null;
	/** Changes of one place by this engine, one after the other. */
	queue: Promise<unknown>;
	inFlight: Map<string, number>;
	/** Of a send, milliseconds, smoothed; undefined before the first one was delivered. */
	usual: number | undefined;
	/** When the next one that has to wait for its turn is to ask again. */
	nextTurn: Instant;
	/** How many were sent away since the circuit opened. */
	sentAway: number;
}

/** How old what is known of a place may be. */
const FRESH: Duration = 1_000;
const KEEP: Duration = 30 * 86_400_000;
/** A send that takes longer is slow: its place gets half of the hands at most, so that others need not wait for it. */
const SLOW: Duration = 1_000;
const TRIES = 20;
/** Places that are not in use are forgotten beyond this number. */
const KNOWN = 10_000;

export function placeKeyOf(place: string): string {
	return `place:${place}`;
}

type Parts = Pick<Context, 'store' | 'clock' | 'metrics' | 'log' | 'settings'>;

/** Told after the store has it. `delivery`: the one whose send changed it. */
export type OnCircuit = (
	place: Pick<Place, 'tenant' | 'key' | 'name'>,
	circuit: Circuit,
	delivery: Delivery | null,
) => void;

export function createPlaces(ctx: Parts, onCircuit: OnCircuit = () => undefined): Places {
	const known = new Map<string, Local>();

	function localOf(tenant: string, key: string): Local {
		const name = `${tenant}\n${key}`;
		let local = known.get(name);
		if (local === undefined) {
			forgetSome();
			const inFlight = new Map<string, number>();
			const queue = Promise.resolve();
			local = { standing: null, queue, inFlight, usual: undefined, nextTurn: 0, sentAway: 0 };
			known.set(name, local);
		}
		return local;
	}

	function forgetSome(): void {
		if (known.size < KNOWN) return;
		for (const [name, { inFlight }] of known) if (inFlight.size === 0) known.delete(name);
	}

	async function standingOf(local: Local, tenant: string, key: string): Promise<Standing> {
		const now = ctx.clock.monotonic();
		const { standing } = local;
		if (standing !== null && now - standing.readAt < FRESH) return standing;
		return readStanding(local, tenant, key);
	}

	async function readStanding(local: Local, tenant: string, key: string): Promise<Standing> {
		const readAt = ctx.clock.monotonic();
		const stored = await ctx.store.getShared(tenant, placeKeyOf(key));
		return (local.standing = { ...standingFrom(stored), readAt });
	}

	/** Decides on what is there, writes it if it changed, and decides anew when another engine was faster. */
	async function change<T>(
		local: Local,
		place: Pick<Place, 'tenant' | 'key' | 'name' | 'destinationId'>,
		decide: (now: Standing) => { next: Pick<Standing, 'circuit' | 'turns'>; answer: T },
		delivery: Delivery | null = null,
	): Promise<T> {
		const act = async (): Promise<T> => {
			let now = await standingOf(local, place.tenant, place.key);
			for (let tries = 1; ; tries++) {
				const { next, answer } = decide(now);
				if (next.circuit === now.circuit && next.turns === now.turns) return answer;
				if (await write(local, place, now, next)) {
					if (now.circuit.state !== next.circuit.state) onCircuit(place, next.circuit, delivery);
					return answer;
				}
				if (tries === TRIES) throw new Error(`${place.key}: too many writers`);
				now = await readStanding(local, place.tenant, place.key);
			}
		};
		const done = local.queue.then(act, act);
		local.queue = done.catch(() => undefined);
		return done;
	}

	async function write(
		local: Local,
		place: Pick<Place, 'tenant' | 'key' | 'name' | 'destinationId'>,
		now: Standing,
		next: Pick<Standing, 'circuit' | 'turns'>,
	): Promise<boolean> {
		const at = ctx.clock.now();
		const type = changeOf(now.circuit, next.circuit);
		const written = await ctx.store.putShared(
			{
				tenant: place.tenant,
				key: placeKeyOf(place.key),
				value: { circuit: { ...next.circuit }, turns: { ...next.turns } } as unknown as JsonObject,
				dueAt: null,
				keepUntil: at + KEEP,
			},
			{
				expected: now.revision,
				events: type === null ? [] : [eventOf(type, place, next.circuit, at)],
			},
		);
		if (!written) return false;
		const readAt = ctx.clock.monotonic();
		local.standing = { ...next, revision: now.revision + 1, readAt };
		if (type !== null) {
			if (next.circuit.state === 'closed') local.sentAway = 0;
			ctx.metrics.count('capscheduler_circuit_changes_total', { to: next.circuit.state });
			ctx.log.warn(`circuit ${next.circuit.state}`, {
				place: place.key,
				name: place.name,
				code: next.circuit.reason?.code,
			});
		}
		return true;
	}

	function shareIsUsed(local: Local): boolean {
		const half = Math.max(1, Math.floor(ctx.settings.deliveryConcurrency / 2));
		if (local.inFlight.size < half) return false;
		const [oldest = Number.POSITIVE_INFINITY] = local.inFlight.values();
		const hangs = ctx.clock.monotonic() - oldest > SLOW;
		const failing = (local.standing?.circuit.failures ?? 0) > 0;
		return local.usual === undefined || local.usual > SLOW || hangs || failing;
	}

	/** In the order in which they are sent away, as fast as the place takes them. */
	function turnAt(local: Local, at: Instant, soonest: Instant, step: Duration): Instant {
		local.nextTurn = Math.max(local.nextTurn, soonest, at + 1) + step;
		return Math.ceil(local.nextTurn);
	}

	function leaveWith(local: Local, place: Place, delivery: Delivery) {
		const { id } = delivery;
		const begun = local.inFlight.get(id) ?? ctx.clock.monotonic();
		return async (outcome: Outcome): Promise<void> => {
			local.inFlight.delete(id);
			if (outcome.kind === 'delivered') {
				const took = ctx.clock.monotonic() - begun;
				local.usual = local.usual === undefined ? took : local.usual * 0.8 + took * 0.2;
			}
			await change(
				local,
				place,
				({ circuit, turns }) => {
					const at = ctx.clock.now();
					const next = {
						circuit: afterSend(circuit, { place: place.key, id, at, outcome }),
						turns: giveTurnBack(turns, id),
					};
					return { next, answer: undefined };
				},
				delivery,
			);
		};
	}

	return {
		async enter(place, delivery, patience) {
			const { id } = delivery;
			const local = localOf(place.tenant, place.key);
			const { limits } = place;
			if (shareIsUsed(local)) {
				const at = ctx.clock.now();
				const step = Math.max(50, local.usual ?? 100) / ctx.settings.deliveryConcurrency;
				const until = turnAt(local, at, at + 50, step);
				return { go: false, why: 'share', until, circuit: local.standing?.circuit ?? CLOSED };
			}
			// the hand is taken at once: many ask at the same time, and the answer takes a look into the store
			local.inFlight.set(id, ctx.clock.monotonic());
			const entry = await change<Entry>(local, place, ({ circuit, turns }) => {
				const at = ctx.clock.now();
				const same = { circuit, turns };
				const admission = admit(circuit, { id, at, patience });
				if (!admission.go) {
					const until = askAgainAt(id, admission.until, local.sentAway);
					return { next: same, answer: { go: false, why: 'circuit', until, circuit } };
				}
				const limited = limits.parallel !== undefined || limits.perMinute !== undefined;
				const turn = limited
					? takeTurn(turns, limits, { id, at, patience })
					: ({ go: true, turns } as const);
				if (!turn.go) {
					const { why, until } = turn;
					return { next: same, answer: { go: false, why, until, circuit } };
				}
				const next = { circuit: admission.circuit, turns: turn.turns };
				return { next, answer: { go: true, leave: () => Promise.resolve() } };
			}).catch((error: unknown) => {
				local.inFlight.delete(id);
				throw error;
			});
			if (entry.go) return { go: true, leave: leaveWith(local, place, delivery) };
			local.inFlight.delete(id);
			const at = ctx.clock.now();
			if (entry.why === 'circuit') local.sentAway++;
			else if (entry.why === 'rate') {
				const { interval } = paceOf(limits.perMinute);
				const until = turnAt(local, at, entry.until, interval) - Math.floor(interval);
				return { ...entry, until };
			} else if (entry.why === 'parallel') {
				const step = Math.max(50, local.usual ?? 100) / (limits.parallel ?? 1);
				return { ...entry, until: turnAt(local, at, at, step) };
			}
			return entry;
		},
		async circuitOf(tenant, key) {
			return standingFrom(await ctx.store.getShared(tenant, placeKeyOf(key))).circuit;
		},
		async reset(place) {
			const local = localOf(place.tenant, place.key);
			await change(local, place, ({ circuit, turns }) => {
				const pristine = circuit.state === 'closed' && circuit.failures === 0;
				const next = { circuit: pristine ? circuit : { ...CLOSED, since: ctx.clock.now() }, turns };
				return { next, answer: undefined };
			});
		},
		get open() {
			return [...known.values()].filter(
				({ standing }) => standing !== null && standing.circuit.state !== 'closed',
			).length;
		},
	};
}

function standingFrom(stored: SharedState | null): Omit<Standing, 'readAt'> {
	if (stored === null) return { circuit: CLOSED, turns: NO_TURNS, revision: 0 };
	const { circuit, turns } = stored.value as unknown as Pick<Standing, 'circuit' | 'turns'>;
	return { circuit, turns, revision: stored.revision };
}

function changeOf(before: Circuit, after: Circuit): EventType | null {
	if (before.state === after.state) return null;
	return `destination.circuit_${after.state}`;
}

function eventOf(
	type: EventType,
	place: Pick<Place, 'tenant' | 'key' | 'name' | 'destinationId'>,
	{ reason, until, failures }: Circuit,
	at: Instant,
): EventDraft {
	return {
		type,
		tenant: place.tenant,
		at,
		subject: place.destinationId === null ? {} : { destinationId: place.destinationId },
		data: {
			place: place.name,
			failures,
			code: reason?.code ?? null,
			until: until === null ? null : toIso(until),
		},
	};
}

/** For `Place.name` of an inline target: what people know it by, without secrets. */
export function inlineName(channel: string, settings: JsonObject): string {
	const address = settings['url'] ?? settings['host'] ?? settings['folder'] ?? settings['bucket'];
	if (typeof address !== 'string') return channel;
	const url = URL.parse(address);
	return `${channel} ${url === null || url.origin === 'null' ? address : url.origin}`;
}

export function presentCircuit({ state, failures, since, until, reason }: Circuit): JsonObject {
	return {
		state,
		failures,
		since: since === 0 ? null : toIso(since),
		until: until === null ? null : toIso(until),
		reason: reason === null ? null : { ...reason },
	};
}
