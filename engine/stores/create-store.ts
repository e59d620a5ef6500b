import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import type { FaultPoints } from '../contract/fault-points.ts';
import type { StoreSetting } from '../contract/setting-forms.ts';
import { createServerClock } from './shared/server-clock.ts';
import type { Signal } from './shared/signal.ts';
import { createSqliteAgendaBackend } from './sqlite/agenda-backend.ts';
import { createSqliteStore } from './sqlite/store.ts';
import type { Store } from './store.port.ts';

export type { Signal } from './shared/signal.ts';

export interface StoreOptions {
	setting: StoreSetting;
	/** The data folder: of the embedded store; of files that are needed for a while only, for the others. */
	folder: string;
	clock: Clock;
	/** Whether the clock is a test's own: then nothing is measured. */
	clockIsGiven: boolean;
	faults: FaultPoints;
	onFault: (fault: { where: string; id: string; error: unknown }) => void;
	/** Another engine has committed something. */
	onSignal: (signal: Signal) => void;
}

export interface ChosenStore {
	store: Store;
	/** The clock that all engines of the store go by. */
	clock: Clock;
	/** How far that is ahead of the machine's, in milliseconds; null where it is the machine's. */
	clockAhead: () => number | null;
	/** Agenda's jobs in it, for an Agenda that goes by the machine's clock. */
	agenda: ReturnType<typeof createSqliteAgendaBackend>;
}

/** The store that the settings name. Nothing is opened yet; the driver of a server is loaded only for its store. */
export async function createStore(options: StoreOptions): Promise<ChosenStore> {
	switch (options.setting.kind) {
		case 'sqlite':
			return embedded(options);
		case 'postgres':
			return onPostgres(options.setting.url, options);
		case 'mongodb':
			return onMongo(options.setting.url, options);
	}
}

function embedded({ folder, clock, faults, onFault }: StoreOptions): ChosenStore {
	const store = createSqliteStore({ folder, clock, faults, onFault });
	const agenda = createSqliteAgendaBackend(store.database, {
		// Agenda itself knows no clock but the wall's.
		clock: systemClock,
		write: store.write,
	});
	return { store, clock, clockAhead: () => null, agenda };
}

async function onPostgres(
	url: string,
	{ folder, clock: machine, clockIsGiven, faults, onFault, onSignal }: StoreOptions,
): Promise<ChosenStore> {
	const { createPostgresStore } = await import('./postgres/store.ts');
	const { createPostgresAgendaBackend } = await import('./postgres/agenda-backend.ts');
	const clock = createServerClock(machine);
	const store = createPostgresStore({
		url,
		folder,
		clock,
		...(clockIsGiven ? {} : { serverClock: clock }),
		faults,
		onFault,
		onSignal,
	});
	const agenda = createPostgresAgendaBackend({
		db: store.database,
		now: () => systemClock.now(),
		ahead: () => (clockIsGiven ? 0 : clock.ahead),
	});
	return { store, clock, clockAhead: () => clock.ahead, agenda };
}

async function onMongo(
	url: string,
	{ folder, clock: machine, clockIsGiven, faults, onFault, onSignal }: StoreOptions,
): Promise<ChosenStore> {
	const { createMongoStore } = await import('./mongo/store.ts');
	const { createMongoAgendaBackend } = await import('./mongo/agenda-backend.ts');
	const clock = createServerClock(machine);
	const store = createMongoStore({
		url,
		folder,
		clock,
		...(clockIsGiven ? {} : { serverClock: clock }),
		faults,
		onFault,
		onSignal,
	});
	const agenda = createMongoAgendaBackend(store.database);
	return { store, clock, clockAhead: () => clock.ahead, agenda };
}
