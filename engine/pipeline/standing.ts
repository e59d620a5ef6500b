import { CapError } from '../contract/errors.ts';
import type { EngineId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Instant } from '../contract/time.ts';
import { toIso } from '../contract/time.ts';
import type { KeyRing } from '../security/security.port.ts';
import type { SharedState } from '../stores/shared-state.port.ts';
import type { Store } from '../stores/store.port.ts';
import type { Context } from './context.ts';
import { listEngines } from './engines.ts';

/*
 * What a store says about itself, in documents that belong to no tenant, and that an engine heeds when it starts:
 * which keys its secrets hang on, that it is half filled, that its contents went elsewhere.
 */
const NOBODY = '*';
export const STANDING = {
	keys: 'store:keys',
	/** An import or a migration fills it. */
	filling: 'store:filling',
	/** A migration takes, or took, its contents elsewhere. */
	moved: 'store:moved',
} as const;
export type StandingKey = (typeof STANDING)[keyof typeof STANDING];

/** The last instant that there is. */
const FOR_EVER: Instant = 8_640_000_000_000_000;

type Shared = Pick<Store, 'getShared' | 'putShared'>;

export async function readStanding(store: Shared, key: StandingKey): Promise<SharedState | null> {
	const found = await store.getShared(NOBODY, key);
	return found === null || found.value['gone'] === true ? null : found;
}

/** Overwrites what it says, whoever wrote it: only one works on a store that is spoken of here. */
export async function writeStanding(
	store: Shared,
	key: StandingKey,
	value: JsonObject,
): Promise<void> {
	for (;;) {
		const before = await store.getShared(NOBODY, key);
		const document = { tenant: NOBODY, key, value, dueAt: null, keepUntil: FOR_EVER };
		const options = { expected: before?.revision ?? 0, events: [] };
		if (await store.putShared(document, options)) return;
	}
}

export async function removeStanding(store: Shared, key: StandingKey): Promise<void> {
	if ((await readStanding(store, key)) !== null) await writeStanding(store, key, { gone: true });
}

/** What `store:filling` begins with. */
export interface Filling {
	/** For people: `an import of …`, `a migration from …`. */
	what: string;
	startedAt: Instant;
}

export interface Moved {
	/** Of this migration: who goes on with it has the same. */
	id: string;
	/** Where to, for people. */
	to: string;
	at: Instant;
	done: boolean;
}

/**
 * Lets an engine work on the store, or refuses it.
 * @throws CapError STORAGE_UNAVAILABLE that says why, and what to do
 */
export async function admitEngine(
	{ store, clock, engineId }: Pick<Context, 'store' | 'clock' | 'engineId'>,
	ring: KeyRing,
): Promise<void> {
	await checkStanding(store);
	await claimKeys({ store, clock }, ring, engineId);
}

/**
 * Refuses an engine on a store that is half filled, or whose contents went elsewhere.
 * @throws CapError STORAGE_UNAVAILABLE that says why, and what to do
 */
export async function checkStanding(store: Shared): Promise<void> {
	const filling = await readStanding(store, STANDING.filling);
	if (filling !== null) {
		const { what, startedAt } = filling.value as unknown as Filling;
		throw refusal(
			`the store is half filled by ${what}, begun at ${toIso(startedAt)}: ` +
				'give that command again, it goes on where it was; or begin with an empty store',
		);
	}
	const moved = await readStanding(store, STANDING.moved);
	if (moved === null) return;
	const { to, at, done } = moved.value as unknown as Moved;
	throw refusal(
		done
			? `the store was moved to ${to} at ${toIso(at)}: start the engine on that one; ` +
					'to take this one into use again, capscheduler migrate --release'
			: `the store is being moved to ${to} since ${toIso(at)}: ` +
					'give that command again until it is through, or capscheduler migrate --release',
	);
}

/**
 * What is sealed with a key is of no use to engines that do not have it, so none seals with one that is new to another.
 * @throws CapError STORAGE_UNAVAILABLE when an engine that works on the store lacks the active key
 */
async function demandPeersKnow(
	ctx: Pick<Context, 'store' | 'clock'>,
	{ active, known }: KeyRing,
	self: EngineId | undefined,
): Promise<void> {
	// One that has a store to itself has no peers; its document is of one that is gone.
	if (ctx.store.exclusive) return;
	const lacking = (await listEngines(ctx)).find(({ id, state, keys }) => {
		const works = id !== self && (state === 'running' || state === 'draining');
		return works && keys !== undefined && keys[active] !== known[active];
	});
	if (lacking === undefined) return;
	throw refusal(
		`the engine ${lacking.id} on ${lacking.host} (pid ${lacking.pid}) does not have the key "${active}" that secrets ` +
			'would be sealed with: restart all engines with it between the others first ' +
			'(CAPSCHEDULER_KEYS=k1:...,k2:...,k1:...), then put it in front; one that was killed is taken for lost after 35 s',
	);
}

/**
 * Compares an engine's keys with those that the store's secrets hang on, and notes its active one among them.
 * @throws CapError STORAGE_UNAVAILABLE when it could not open what is there, or others not what it would seal
 */
export async function claimKeys(
	ctx: Pick<Context, 'store' | 'clock'>,
	ring: KeyRing,
	self?: EngineId,
): Promise<void> {
	const { store } = ctx;
	for (;;) {
		const found = await store.getShared(NOBODY, STANDING.keys);
		const needed = found === null ? null : (found.value as unknown as NeededKeys);
		if (needed !== null) checkKeys(needed, ring);
		await demandPeersKnow(ctx, ring, self);
		const fingerprint = ring.known[ring.active] ?? '';
		if (needed?.keys[ring.active] === fingerprint) return;
		const keys = { ...needed?.keys, [ring.active]: fingerprint };
		const value: JsonObject = { keys, root: ring.root };
		const document = {
			tenant: NOBODY,
			key: STANDING.keys,
			value,
			dueAt: null,
			keepUntil: FOR_EVER,
		};
		const options = { expected: found?.revision ?? 0, events: [] };
		if (await store.putShared(document, options)) return;
	}
}

/** What is sealed in the store, and what its API keys are hashed with: fingerprints. */
interface NeededKeys {
	keys: Record<string, string>;
	root: string;
}

function checkKeys(needed: NeededKeys, ring: KeyRing): void {
	for (const [kid, fingerprint] of Object.entries(needed.keys)) {
		if (ring.known[kid] === fingerprint) continue;
		const got = ring.known[kid] === undefined ? listed(ring.known) : `another key of that name`;
		throw refusal(
			`secrets of the store are sealed with the key "${kid}" (fingerprint ${fingerprint}), ` +
				`and the engine has ${got}: expected it in CAPSCHEDULER_KEYS (or engine.key of the data folder)`,
		);
	}
	if (needed.root !== ring.root) {
		throw refusal(
			`the API keys of the store hang on a key with the fingerprint ${needed.root}, and the last of ` +
				`CAPSCHEDULER_KEYS has ${ring.root}: keep that key at the end of the list`,
		);
	}
}

function listed(known: Readonly<Record<string, string>>): string {
	return Object.entries(known)
		.map(([kid, fingerprint]) => `"${kid}" (${fingerprint})`)
		.join(', ');
}

/** After all secrets were sealed anew: only the active key is needed for them from now on. */
export async function settleKeys(store: Shared, ring: KeyRing): Promise<void> {
	const keys = { [ring.active]: ring.known[ring.active] ?? '' };
	await writeStanding(store, STANDING.keys, { keys, root: ring.root });
}

function refusal(message: string): CapError {
	return new CapError('STORAGE_UNAVAILABLE', message);
}
