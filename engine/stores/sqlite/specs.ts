import type { RunSpec, SpecRecord } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';

/** Parsed specs that are kept in memory: they are immutable, and every run needs one. */
const CACHED = 2000;

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
	const cache = new Map<string, RunSpec>();

	function find(id: string): RunSpec | null {
		let spec = cache.get(id);
		if (spec === undefined) {
			const row = db.rows<[string]>('SELECT spec FROM specs WHERE id = ?').get(id);
			if (row === undefined) return null;
			spec = JSON.parse(row[0]) as RunSpec;
			if (cache.size >= CACHED)
				for (const [oldest] of cache.entries().take(1)) cache.delete(oldest);
		} else {
			cache.delete(id);
		}
		cache.set(id, spec);
		return spec;
	}

	return {
		find,
		insert({ id, spec }) {
			db.sql('INSERT OR IGNORE INTO specs (id, spec) VALUES (?, ?)').run(id, JSON.stringify(spec));
		},
		remove(id) {
			cache.delete(id);
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
