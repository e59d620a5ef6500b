import { afterEach, beforeEach, describe } from '@jest/globals';

import type { Clock } from '../../engine/clock.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import type { Records, TestClock } from '../support/store-records.ts';
import { createRecords, testClock } from '../support/store-records.ts';
import { exerciseAccess } from './store-access.ts';
import { exerciseArchive } from './store-archive.ts';
import { exerciseBackfills } from './store-backfills.ts';
import { exerciseCalendars } from './store-calendars.ts';
import { exerciseDeliveries } from './store-deliveries.ts';
import { exerciseEvents } from './store-events.ts';
import { exerciseKeys } from './store-keys.ts';
import { exerciseLeases } from './store-leases.ts';
import { exerciseOccur } from './store-occur.ts';
import { exerciseModel } from './store-model.ts';
import { exercisePolicies } from './store-policies.ts';
import type { Spoilt } from './store-repair.ts';
import { exerciseRepair } from './store-repair.ts';
import { exerciseResults } from './store-results.ts';
import { exerciseRuns } from './store-runs.ts';
import { exerciseSchedules } from './store-schedules.ts';
import { exerciseShared } from './store-shared.ts';
import { exerciseShares } from './store-shares.ts';
import { exerciseTenants } from './store-tenants.ts';
import { exerciseUpkeep } from './store-upkeep.ts';

/**
 * A fresh, empty, open store. `loseTimers` empties Agenda's rows behind its back, and `spoil` changes others, where the
 * test can do that.
 */
export type MakeStore = (clock: Clock) => Promise<{
	store: Store;
	close(): Promise<void>;
	loseTimers?(): Promise<void>;
	spoil?(what: Spoilt): Promise<void>;
	/** The store of another engine, where several share one; closed with the first. */
	another?(): Promise<Store>;
}>;

/** What a test works with; new for each. */
export interface Bench {
	store: Store;
	clock: TestClock;
	records: Records;
	loseTimers?: (() => Promise<void>) | undefined;
	spoil?: ((what: Spoilt) => Promise<void>) | undefined;
	another?: (() => Promise<Store>) | undefined;
}

/** What every store must do, whatever it is made of. */
export function exerciseStore(make: MakeStore): void {
	const bench = {} as Bench;
	let close: () => Promise<void> = () => Promise.resolve();

	beforeEach(async () => {
		bench.clock = testClock();
		bench.records = createRecords(bench.clock);
		const made = await make(bench.clock);
		bench.store = made.store;
		bench.loseTimers = made.loseTimers;
		bench.spoil = made.spoil;
		bench.another = made.another;
		close = made.close;
	});
	afterEach(async () => {
		await close();
	});

	describe('keys, capabilities, destinations', () => {
		exerciseAccess(bench);
	});
	describe('schedules', () => {
		exerciseSchedules(bench);
	});
	describe('occur', () => {
		exerciseOccur(bench);
	});
	describe('calendars, and what a change of them does to schedules', () => {
		exerciseCalendars(bench);
	});
	describe('backfills', () => {
		exerciseBackfills(bench);
	});
	describe('runs', () => {
		exerciseRuns(bench);
	});
	describe('keys of runs', () => {
		exerciseKeys(bench);
	});
	describe('priorities, limits, heartbeats, SLAs', () => {
		exercisePolicies(bench);
	});
	describe('shares of tenants', () => {
		exerciseShares(bench);
	});
	describe('leases', () => {
		exerciseLeases(bench);
	});
	describe('the model of the protocol', () => {
		exerciseModel(bench);
	});
	describe('results, artifacts, links', () => {
		exerciseResults(bench);
	});
	describe('deliveries and notifications', () => {
		exerciseDeliveries(bench);
	});
	describe('states that engines share', () => {
		exerciseShared(bench);
	});
	describe('events', () => {
		exerciseEvents(bench);
	});
	describe('upkeep', () => {
		exerciseUpkeep(bench);
	});
	describe('repairs', () => {
		exerciseRepair(bench);
	});
	describe('the archive: all that it holds', () => {
		exerciseArchive(bench);
	});
	describe('tenants', () => {
		exerciseTenants(bench);
	});
}
