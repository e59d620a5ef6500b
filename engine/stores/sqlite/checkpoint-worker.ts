/** The thread that writes the log back into the database; checkpointer.ts begins and ends it. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

import type { CheckpointAnswer, CheckpointOrder } from './checkpointer.ts';

/** Milliseconds that RESTART waits for readers to leave the log. PASSIVE waits for nobody. */
const PATIENCE = 1000;

const database = new DatabaseSync((workerData as { file: string }).file, { timeout: PATIENCE });
database.exec('PRAGMA wal_autocheckpoint = 0');
// Until it has read, the connection does not know that there is a log.
database.prepare('PRAGMA user_version').get();

function checkpoint(mode: Exclude<CheckpointOrder, 'end'>): CheckpointAnswer {
	try {
		database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
		return null;
	} catch (error) {
		const { message, errcode } = error as Error & { errcode?: number };
		return { message, errcode };
	}
}

parentPort?.on('message', (order: CheckpointOrder) => {
	if (order === 'end') {
		database.close();
		parentPort?.close();
	} else parentPort?.postMessage(checkpoint(order));
});
