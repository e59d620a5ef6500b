import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AgendaBackend, JobParameters } from 'agenda';

import { createMaintenance } from '../../../engine/agenda/maintenance.ts';
import type { Maintenance, MaintenanceOptions } from '../../../engine/agenda/maintenance.ts';
import { systemClock } from '../../../engine/clock.ts';
import { openSqliteAgendaBackend } from '../../../engine/stores/sqlite/agenda-backend.ts';

/** Calls, and waiting for the next of them. */
function counter() {
	let count = 0;
	let wake = (): void => undefined;
	return {
		count: () => count,
		async call(): Promise<void> {
			count++;
			wake();
			await Promise.resolve();
		},
		async reaches(wanted: number): Promise<void> {
			while (count < wanted) await new Promise<void>((resolve) => (wake = resolve));
		},
	};
}

const nothing = async (): Promise<void> => {
	await Promise.resolve();
};

describe('maintenance', () => {
	let directory: string;
	let backend: AgendaBackend;
	const started: Maintenance[] = [];
	const intervals = { sweep: 10, retention: 10, look: 10, restore: 10 };
	const create = (options: Partial<MaintenanceOptions>): Maintenance => {
		const maintenance = createMaintenance({
			// It owns its connection, and stop() would close what the test still reads.
			backend: { ...backend, ownsConnection: false, connect: nothing },
			jobs: { sweep: nothing, retention: nothing },
			intervals,
			onError: (error) => {
				throw error;
			},
			...options,
		});
		started.push(maintenance);
		return maintenance;
	};
	const rows = async () => (await backend.repository.queryJobs({ sort: { name: 'asc' } })).jobs;

	beforeEach(async () => {
		// Agenda watches every job with a timer of half its lock's lifetime, and leaves it behind.
		const { setTimeout } = globalThis;
		jest
			.spyOn(globalThis, 'setTimeout')
			.mockImplementation((...call: Parameters<typeof setTimeout>) => setTimeout(...call).unref());
		directory = await mkdtemp(join(tmpdir(), 'capscheduler-maintenance-'));
		backend = openSqliteAgendaBackend(join(directory, 'agenda.db'), { clock: systemClock });
		await backend.connect();
	});
	afterEach(async () => {
		for (const maintenance of started.splice(0)) await maintenance.stop();
		await backend.disconnect();
		await rm(directory, { recursive: true });
	});

	it('runs both jobs again and again, each kept once, however often it is started', async () => {
		const [sweep, retention] = [counter(), counter()];
		const maintenance = create({ jobs: { sweep: sweep.call, retention: retention.call } });
		await maintenance.start();
		await maintenance.start();
		await Promise.all([sweep.reaches(3), retention.reaches(3)]);
		expect((await rows()).map(({ name }) => name)).toEqual([
			'maintenance.retention',
			'maintenance.sweep',
		]);
	});

	it('never touches timers, due or not', async () => {
		const timer: JobParameters = {
			name: 'schedule.due',
			priority: 0,
			type: 'normal',
			nextRunAt: new Date(0),
			data: { key: 'sch_1' },
		};
		const saved = await backend.repository.saveJob(timer, undefined);
		const sweep = counter();
		await create({ jobs: { sweep: sweep.call, retention: sweep.call } }).start();
		await sweep.reaches(6);
		expect(await backend.repository.getJobById(String(saved._id))).toEqual(saved);
	});

	it('reports what a job throws and runs it again', async () => {
		const errors: unknown[] = [];
		const sweep = counter();
		const fault = new Error('the store is full');
		await create({
			jobs: {
				sweep: async () => {
					await sweep.call();
					throw fault;
				},
				retention: nothing,
			},
			onError: (error, job) => errors.push([error, job]),
		}).start();
		await sweep.reaches(3);
		expect(errors[0]).toEqual([fault, 'maintenance.sweep']);
	});

	it('waits for the job that runs when it stops, begins no other, and leaves nothing locked', async () => {
		const sweep = counter();
		let end = (): void => undefined;
		const maintenance = create({
			jobs: {
				sweep: async () => {
					await sweep.call();
					await new Promise<void>((resolve) => (end = resolve));
				},
				retention: nothing,
			},
		});
		await maintenance.start();
		await sweep.reaches(1);
		let stopped = false;
		const stopping = maintenance.stop().then(() => (stopped = true));
		for (let i = 0; i < 10; i++) await nextTurn();
		expect(stopped).toBe(false);
		end();
		await stopping;
		expect(sweep.count()).toBe(1);
		expect((await rows()).filter(({ lockedAt }) => lockedAt)).toEqual([]);
	});

	it('gives back what it took in advance, and not what another engine holds', async () => {
		const sweep = counter();
		const maintenance = create({
			intervals: { sweep: 4000, retention: 4000, look: 5000 },
			jobs: { sweep: sweep.call, retention: sweep.call },
		});
		await maintenance.start();
		await sweep.reaches(2);
		const [retention] = await rows();
		await maintenance.stop();
		expect((await rows()).filter(({ lockedAt }) => lockedAt)).toEqual([]);
		// The other engine takes the job while ours is between start and stop.
		const { repository } = backend;
		const theirs = { lastModifiedBy: 'another engine' };
		await repository.saveJobState({ ...retention!, lockedAt: new Date() }, theirs);
		await maintenance.start();
		await maintenance.stop();
		expect((await repository.getJobById(retention!._id))?.lockedAt).toBeInstanceOf(Date);
	});

	it('does not begin a job that another engine runs', async () => {
		const [ours, theirs] = [counter(), counter()];
		let end = (): void => undefined;
		const holding = create({
			jobs: {
				sweep: async () => {
					await theirs.call();
					await new Promise<void>((resolve) => (end = resolve));
				},
				retention: nothing,
			},
		});
		await holding.start();
		await theirs.reaches(1);
		const looking = counter();
		await create({ jobs: { sweep: ours.call, retention: looking.call } }).start();
		await looking.reaches(3);
		expect(ours.count()).toBe(0);
		end();
		await holding.stop();
		await ours.reaches(1);
	});

	it('takes over the job of an engine that died, when its lock is old', async () => {
		const sweep = counter();
		const left: JobParameters = {
			name: 'maintenance.sweep',
			priority: 0,
			type: 'single',
			nextRunAt: new Date(Date.now() - 20_000),
			lockedAt: new Date(Date.now() - 20_000),
			data: null,
		};
		await backend.repository.saveJob(left, { lastModifiedBy: 'a dead engine' });
		await create({ jobs: { sweep: sweep.call, retention: nothing } }).start();
		await sweep.reaches(1);
	});

	it('writes its jobs again when somebody emptied the table', async () => {
		const sweep = counter();
		await create({
			jobs: { sweep: sweep.call, retention: nothing },
			// A job that was running then finds its row gone, and says so.
			onError: () => undefined,
		}).start();
		await sweep.reaches(1);
		await backend.repository.purgeAllJobs();
		await sweep.reaches(sweep.count() + 2);
		expect(await rows()).toHaveLength(2);
	});

	it('reports a backend that cannot be reached when it starts', async () => {
		const failing = { ...backend, connect: async () => Promise.reject(new Error('no disk')) };
		await expect(create({ backend: failing }).start()).rejects.toThrow('no disk');
	});

	it('lets the process end after stop', async () => {
		const root = new URL('../../../engine/', import.meta.url).href;
		const script = `
			const { createMaintenance } = await import('${root}agenda/maintenance.ts');
			const { openSqliteAgendaBackend } = await import('${root}stores/sqlite/agenda-backend.ts');
			const { systemClock } = await import('${root}clock.ts');
			const backend = openSqliteAgendaBackend(${JSON.stringify(join(directory, 'own.db'))}, { clock: systemClock });
			const swept = Promise.withResolvers();
			const maintenance = createMaintenance({
				backend,
				jobs: { sweep: async () => swept.resolve(), retention: async () => {} },
				onError: (error) => { throw error; },
			});
			await maintenance.start();
			await swept.promise;
			await maintenance.stop();
		`;
		const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
			stdio: 'inherit',
		});
		expect(await once(child, 'exit')).toEqual([0, null]);
	});
});
