import { randomUUID } from 'node:crypto';

import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Instant } from '../contract/time.ts';
import type { EngineView } from '../pipeline/engines.ts';
import { listEngines } from '../pipeline/engines.ts';
import type { Moved } from '../pipeline/standing.ts';
import { readStanding, removeStanding, STANDING, writeStanding } from '../pipeline/standing.ts';
import type { Clock } from '../clock.ts';
import type { Store } from '../stores/store.port.ts';
import type { FillReport, OnProgress, Source } from './fill.ts';
import { fill, finishFilling } from './fill.ts';
import { pagesOf } from './records.ts';

/** A store that is open, with what it goes by. */
export interface Side {
	/** For people, and for who goes on later: without a password. */
	name: string;
	store: Store;
	clock: Clock;
	/** Whether the process of an engine that was heard of lately is known to be gone. */
	isGone: (engine: EngineView) => boolean;
}

/**
 * Moves all that one store holds to another, while no engine works on either. First the old store says that it is
 * being moved, then it is looked for engines: one that starts meanwhile sees the one or is seen by the other.
 * What was interrupted is gone on with by doing it again.
 * @throws CapError CONFLICT while engines live, or when the new store is not empty
 */
export async function migrate(
	from: Side,
	to: Side,
	options: { now: Instant; onProgress?: OnProgress },
): Promise<FillReport> {
	const { now } = options;
	const moved = await readStanding(from.store, STANDING.moved);
	const before = moved?.value as Moved | undefined;
	if (before !== undefined && before.to !== to.name) {
		throw conflict(`${from.name} is being moved, or was, to ${before.to}`);
	}
	// Another one after a release: what the first has carried may have been changed since.
	const id = before?.id ?? randomUUID();
	const mark = async (done: boolean): Promise<void> => {
		const value: JsonObject = { id, to: to.name, at: now, done };
		await writeStanding(from.store, STANDING.moved, value);
	};
	if (before === undefined) await mark(false);
	try {
		await refuseLiveEngines(from);
		await refuseLiveEngines(to);
	} catch (error) {
		if (before === undefined) await removeStanding(from.store, STANDING.moved);
		throw error;
	}
	const report = await copyAll(from, to, { ...options, id });
	await carryKeys(from.store, to.store);
	await mark(true);
	await finishFilling(to.store);
	return report;
}

/** Takes a store that was moved, or half moved, into use again. @returns whether there was anything to take back */
export async function release(store: Store): Promise<boolean> {
	if ((await readStanding(store, STANDING.moved)) === null) return false;
	await removeStanding(store, STANDING.moved);
	return true;
}

/** @throws CapError CONFLICT when engines work on the store, by their heartbeats */
export async function refuseLiveEngines({ name, store, clock, isGone }: Side): Promise<void> {
	// one that is exclusive is open here, so nobody else has it
	if (store.exclusive) return;
	const engines = await listEngines({ store, clock });
	const alive = engines.filter(
		(engine) => engine.state !== 'stopped' && engine.state !== 'lost' && !isGone(engine),
	);
	const [one] = alive;
	if (one === undefined) return;
	const ago = Math.max(0, Math.round((clock.now() - one.seenAt) / 1000));
	throw conflict(
		`${alive.length === 1 ? 'an engine works' : `${alive.length} engines work`} on ${name}: ` +
			`${one.id} on ${one.host} (pid ${one.pid}) was heard of ${ago} s ago. Stop all engines first; ` +
			'one that was killed is taken for lost after 35 s',
	);
}

async function copyAll(
	from: Side,
	to: Side,
	options: { id: string; now: Instant; onProgress?: OnProgress },
): Promise<FillReport> {
	const reader = await from.store.archive.reader();
	const source: Source = {
		id: options.id,
		pages: (section, after) => pagesOf(reader, section, after),
		smallBlobs: async (refs) => reader.smallBlobs(refs),
		openBlob: (ref) => reader.openBlob(ref),
	};
	try {
		return await fill(to.store, source, { ...options, what: `a migration from ${from.name}` });
	} finally {
		await reader.close();
	}
}

/** Secrets go as they are, so they hang on the same keys. */
async function carryKeys(from: Store, to: Store): Promise<void> {
	const keys = await readStanding(from, STANDING.keys);
	if (keys !== null) await writeStanding(to, STANDING.keys, keys.value);
}

function conflict(message: string): CapError {
	return new CapError('CONFLICT', message);
}
