import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A data folder of an engine in another process, and its store read from outside. */
export interface DataFolder {
	path: string;
	query<T>(sql: string): T[];
	remove(): Promise<void>;
}

export async function makeDataFolder(): Promise<DataFolder> {
	const path = await mkdtemp(join(tmpdir(), 'cap-data-'));
	return {
		path,
		query<T>(sql: string): T[] {
			const database = new DatabaseSync(join(path, 'capscheduler.db'), { readOnly: true });
			try {
				return database
					.prepare(sql)
					.all()
					.map((row) => ({ ...row }) as T);
			} finally {
				database.close();
			}
		},
		remove: () => rm(path, { recursive: true, force: true }),
	};
}
