import type { RunSpec, SpecRecord } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';

/** Parsed specs that are kept in memory, characters of JSON: they are immutable, and every run needs one. */
const CACHED = 16_000_000;

interface Specs {
	port: Pick<Store, 'getSpecs'>;
	/** Inside a write. */
	insert(record: SpecRecord): void;
	/** Inside a write. @returns how many rows went */
	remove(id: string): number;
	find(id: string): RunSpec | null;
}

export function createSpecs({ db }: Context): Specs {
	/** In the order of use: the first is the one that was not used for longest. */
	const cache = new Map<string, { spec: RunSpec; size: number }>();
	let cached = 0;

	function forget(id: string): void {
		cached -= cache.get(id)?.size ?? 0;
		cache.delete(id);
	}

	function keep(id: string, entry: { spec: RunSpec; size: number }): void {
		cache.set(id, entry);
		cached += entry.size;
		for (const oldest of cache.keys()) {
			if (cached <= CACHED) break;
			forget(oldest);
		}
	}

	function find(id: string): RunSpec | null {
		const known = cache.get(id);
		if (known !== undefined) {
			cache.delete(id);
			cache.set(id, known);
			return known.spec;
		}
		const row = db.rows<[string]>('SELECT spec FROM specs WHERE id = ?').get(id);
		if (row === undefined) return null;
		const spec = JSON.parse(row[0]) as RunSpec;
		// One of a single invocation is asked for a few times, and never again after its run.
		keep(id, { spec, size: row[0].length });
		return spec;
	}

	return {
		find,
		insert({ id, spec }) {
			db.sql('INSERT OR IGNORE INTO specs (id, spec) VALUES (?, ?)').run(id, JSON.stringify(spec));
		},
		remove(id) {
			forget(id);
			return Number(db.sql('DELETE FROM specs WHERE id = ?').run(id).changes);
		},
		port: {
			async getSpecs(ids) {
				const found = new Map<string, RunSpec>();
				for (const id of ids) {
					const spec = found.get(id) ?? find(id);
					if (spec !== null) found.set(id, spec);
				}
				return found;
			},
		},
	};
}
