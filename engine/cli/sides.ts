import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { readStore, withoutLogin } from '../contract/setting-forms.ts';
import type { StoreSetting } from '../contract/setting-forms.ts';
import { noFaults } from '../faults.ts';
import { listEngines } from '../pipeline/engines.ts';
import type { EngineView } from '../pipeline/engines.ts';
import { createStore } from '../stores/create-store.ts';
import type { Store } from '../stores/store.port.ts';
import { CliError, EXIT } from './exit.ts';

/** A store that a command names. */
export interface NamedStore {
	setting: StoreSetting;
	/** The data folder of an embedded one. */
	folder: string;
	/** For people: without a password. The same for the same store. */
	name: string;
}

/** A store that a command works on. */
export interface OpenSide {
	name: string;
	store: Store;
	clock: Clock;
	isGone: (engine: EngineView) => boolean;
	/** Whether what is read of it is of one moment although engines work on it. */
	ofOneMoment: boolean;
	close(): Promise<void>;
}

/** `sqlite` (the data folder of the settings), `sqlite:<folder>`, `postgres://…`, `mongodb://…`. */
export function readNamed(text: string, dataDir: string): NamedStore {
	const [, path] = /^sqlite:(.+)$/.exec(text) ?? [];
	const setting = path === undefined ? readStore(text) : ({ kind: 'sqlite' } as const);
	if (setting === undefined) {
		throw new CliError(EXIT.usage, 'that is no store', {
			hint: 'Expected sqlite, sqlite:<data folder>, postgres://user:password@host:port/database or mongodb://...',
		});
	}
	return namedStore(setting, path === undefined ? dataDir : resolve(path));
}

export function namedStore(setting: StoreSetting, folder: string): NamedStore {
	if (setting.kind === 'sqlite') return { setting, folder, name: `sqlite:${folder}` };
	const [name = '', query = ''] = withoutLogin(setting.url).split('?');
	const schema = new URLSearchParams(query).get('schema');
	return { setting, folder, name: schema === null ? name : `${name}?schema=${schema}` };
}

/**
 * @param options.make whether a data folder that is not there is made; otherwise it is refused
 * @param options.lock false: an embedded one is only read, beside the engine that may hold it
 * @throws CapError STORAGE_UNAVAILABLE, for an embedded one also while an engine holds it
 */
export async function openSide(
	{ setting, folder, name }: NamedStore,
	{ make = false, lock = true }: { make?: boolean; lock?: boolean } = {},
): Promise<OpenSide> {
	const embedded = setting.kind === 'sqlite';
	if (embedded && !make) demandFolder(folder);
	// what the others need for a while only
	const scratch = embedded ? null : await mkdtemp(join(tmpdir(), 'capscheduler-'));
	const { store, clock } = await createStore({
		setting,
		folder: scratch ?? folder,
		clock: systemClock,
		clockIsGiven: false,
		faults: noFaults,
		onFault: () => undefined,
		onSignal: () => undefined,
	});
	const removeScratch = async (): Promise<void> => {
		if (scratch !== null) await rm(scratch, { recursive: true, force: true });
	};
	try {
		if (lock || !embedded) await store.open();
	} catch (error) {
		await store.close().catch(() => undefined);
		await removeScratch();
		throw error;
	}
	return {
		name,
		store,
		clock,
		isGone,
		ofOneMoment: setting.kind !== 'mongodb',
		async close() {
			await store.close();
			await removeScratch();
		},
	};
}

/** @throws CliError when it is no data folder */
export function demandFolder(folder: string): void {
	if (existsSync(join(folder, 'capscheduler.db'))) return;
	throw new CliError(EXIT.failed, `there is no store in the folder ${folder}`, {
		hint: 'Name another with CAPSCHEDULER_DATA_DIR, or as sqlite:<folder>.',
	});
}

/** How many engines work on the store; of an embedded one that is open here, none. */
export async function livingEngines({
	store,
	clock,
}: Pick<OpenSide, 'store' | 'clock'>): Promise<number> {
	if (store.exclusive) return 0;
	const engines = await listEngines({ store, clock });
	return engines.filter(
		(engine) => ['running', 'draining'].includes(engine.state) && !isGone(engine),
	).length;
}

/** An engine of this machine whose process is gone was killed, however lately it was heard of. */
function isGone({ host, pid }: EngineView): boolean {
	if (host !== hostname()) return false;
	try {
		process.kill(pid, 0);
		return false;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'ESRCH';
	}
}
