import { afterEach, beforeEach, describe } from '@jest/globals';
import type { AgendaBackend, JobParameters, JobRepository } from 'agenda';

import { describeLogger } from './agenda-logger.ts';
import { describeReading } from './agenda-reading.ts';
import { describeRunning } from './agenda-running.ts';
import { describeSaving } from './agenda-saving.ts';
import { describeTaking } from './agenda-taking.ts';

/** An empty store that any number of backends share. */
export interface AgendaStore {
	/** Another backend on the store, not connected yet; it does not own the connection. */
	backend(): AgendaBackend;
	/** Removes the store and everything in it. */
	close(): Promise<void>;
}

/** What every test is given anew. */
export interface Subject {
	store: AgendaStore;
	backend: AgendaBackend;
	jobs: JobRepository;
}

/** A job of the name `report`, due now, as `saveJob` takes it. */
export function job(fields: Partial<JobParameters> = {}): JobParameters {
	return {
		name: 'report',
		priority: 0,
		type: 'normal',
		nextRunAt: new Date(),
		data: {},
		...fields,
	};
}

/** The instant that many milliseconds from now. */
export const fromNow = (milliseconds: number): Date => new Date(Date.now() + milliseconds);

/** Saves one job after the other and answers their ids. */
export async function saveAll(
	jobs: JobRepository,
	...fields: Partial<JobParameters>[]
): Promise<string[]> {
	const ids: string[] = [];
	for (const one of fields) ids.push(String((await jobs.saveJob(job(one), undefined))._id));
	return ids;
}

/** What Agenda asks of a backend, and what we ask beyond it. Every store's backend is held to this. */
export function describeAgendaBackend(name: string, open: () => Promise<AgendaStore>): void {
	describe(`the Agenda backend of ${name}`, () => {
		const subject = {} as Subject;

		beforeEach(async () => {
			subject.store = await open();
			subject.backend = subject.store.backend();
			await subject.backend.connect();
			subject.jobs = subject.backend.repository;
		});
		afterEach(async () => {
			await subject.backend.disconnect();
			await subject.store.close();
		});

		describeSaving(subject);
		describeReading(subject);
		describeTaking(subject);
		describeLogger(subject);
		describeRunning(subject);
	});
}
