import type { RunSpec, SpecRecord } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import type { Transaction } from './transaction.ts';

/** Parsed specs that are kept in memory, characters of JSON: they are immutable, and every run needs one. */
const CACHED = 16_000_000;

interface Specs {
	port: Pick<Store, 'getSpecs'>;
	/** Inside a write. */
	insert(tx: Transaction, records: readonly SpecRecord[]): void;
	/** Inside a write. @returns how many rows went */
	remove(tx: Transaction, id: string): Promise<number>;
	find(on: Queryable, ids: readonly string[]): Promise<Map<string, RunSpec>>;
}

export function createSpecs({ db }: Pick<Context, 'db'>): Specs {
	/** In the order of use: the first is the one that was not used for longest. */
	const cache = new Map<string, { spec: RunSpec; size: number }>();
	let cached = 0;

	function forget(id: string): void {
		cached -= cache.get(id)?.size ?? 0;
		cache.delete(id);
	}

	function keep(id: string, entry: { spec: RunSpec; size: number }): void {
		forget(id);
		cache.set(id, entry);
		cached += entry.size;
		for (const oldest of cache.keys()) {
			if (cached <= CACHED) break;
			forget(oldest);
		}
	}

	async function find(on: Queryable, ids: readonly string[]): Promise<Map<string, RunSpec>> {
		const found = new Map<string, RunSpec>();
		const unknown = new Set<string>();
		for (const id of ids) {
			const known = cache.get(id);
			if (known === undefined) {
				unknown.add(id);
				continue;
			}
			cache.delete(id);
			cache.set(id, known);
			found.set(id, known.spec);
		}
		if (unknown.size === 0) return found;
		const rows = await on.rows<[id: string, spec: string]>(
			'SELECT id, spec FROM specs WHERE id = ANY($1::text[])',
			[[...unknown]],
		);
		for (const [id, text] of rows) {
			const spec = JSON.parse(text) as RunSpec;
			found.set(id, spec);
			// One of a single invocation is asked for a few times, and never again after its run.
			keep(id, { spec, size: text.length });
		}
		return found;
	}

	return {
		find,
		insert(tx, records) {
			if (records.length === 0) return;
			const sorted = [...records].sort((a, b) => (a.id < b.id ? -1 : 1));
			// The lock keeps retention from removing one that is there and that nothing else refers to.
			tx.later(
				`INSERT INTO specs (id, spec) SELECT * FROM unnest($1::text[], $2::text[])
				ON CONFLICT (id) DO NOTHING`,
				[sorted.map(({ id }) => id), sorted.map(({ spec }) => JSON.stringify(spec))],
			);
			tx.later('SELECT 1 FROM specs WHERE id = ANY($1::text[]) ORDER BY id FOR KEY SHARE', [
				sorted.map(({ id }) => id),
			]);
		},
		async remove(tx, id) {
			forget(id);
			return tx.run('DELETE FROM specs WHERE id = $1', [id]);
		},
		port: {
			getSpecs: (ids) => find(db, ids),
		},
	};
}
