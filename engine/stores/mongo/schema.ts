import type { IndexDescription } from 'mongodb';

import { CapError } from '../../contract/errors.ts';
import type { Database } from './database.ts';
import type { Index } from './index-spec.ts';
import { CONTROL } from './migrations/1-control.ts';
import { WORK } from './migrations/1-work.ts';
import { SHARES } from './migrations/2-shares.ts';

/**
 * The indexes, as migrations: the position in the list is the version that the document `schema` of `marks` names. A
 * migration that was released is never changed; another is added. Creating an index that is there does nothing, so
 * engines that start together do not mind one another.
 *
 * None is unique but that of `_id`, which is made of what is to be unique: so every collection may be sharded by a
 * hash of `_id` and stays right. Instants are numbers (milliseconds since 1970), what has a structure
 * is JSON text.
 */
const MIGRATIONS: readonly (readonly Index[])[] = [[...CONTROL, ...WORK], SHARES];

/** Brings the database to this engine's version. @throws CapError STORAGE_UNAVAILABLE when it is newer */
export async function migrate(database: Database): Promise<void> {
	const marks = database.of('marks');
	const doc = await database.run(async () => marks.findOne({ _id: 'schema' }));
	const version = Number(doc?.['version'] ?? 0);
	if (version > MIGRATIONS.length) {
		throw new CapError(
			'STORAGE_UNAVAILABLE',
			`${database.name}: expected schema version ${MIGRATIONS.length} or lower, got ${version}: ` +
				'it was written by a newer engine',
		);
	}
	for (const [n, indexes] of MIGRATIONS.entries()) {
		if (n < version) continue;
		// All of a collection at once: each call waits for a majority of the replica set.
		for (const [on, list] of Map.groupBy(indexes, (index) => index.on)) {
			const wanted = list.map(({ name, key, where }): IndexDescription => ({
				name,
				key: key as IndexDescription['key'],
				...(where === undefined ? {} : { partialFilterExpression: where }),
			}));
			await database.run(async () => database.db().collection(on).createIndexes(wanted));
		}
		await database.run(async () =>
			marks.updateOne({ _id: 'schema' }, { $max: { version: n + 1 } }, { upsert: true }),
		);
	}
}
