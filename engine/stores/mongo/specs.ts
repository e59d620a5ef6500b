import type { RunSpec, SpecRecord } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';

/** Parsed specs that are kept in memory, characters of JSON: they are immutable, and every run needs one. */
const CACHED = 16_000_000;
/** Within this time a spec that was written is not written again. */
const SURE = 600_000;

interface Specs {
	port: Pick<Store, 'getSpecs'>;
	/**
	 * Before the write that names them. They are addressed by content, so one that is left over harms nobody. The
	 * instant of the last use keeps retention from taking one that is about to be named.
	 */
	write(records: readonly SpecRecord[]): Promise<void>;
	forget(id: string): void;
	find(id: string): Promise<RunSpec | null>;
}

export function createSpecs({ db, clock }: Pick<Context, 'db' | 'clock'>): Specs {
	/** In the order of use: the first is the one that was not used for longest. */
	const cache = new Map<string, { spec: RunSpec; size: number; writtenAt: number }>();
	let cached = 0;

	function forget(id: string): void {
		cached -= cache.get(id)?.size ?? 0;
		cache.delete(id);
	}

	function keep(id: string, text: string, writtenAt: number): RunSpec {
		forget(id);
		const spec = JSON.parse(text) as RunSpec;
		cache.set(id, { spec, size: text.length, writtenAt });
		cached += text.length;
		for (const oldest of cache.keys()) {
			if (cached <= CACHED) break;
			forget(oldest);
		}
		return spec;
	}

	async function findAll(ids: readonly string[]): Promise<Map<string, RunSpec>> {
		const found = new Map<string, RunSpec>();
		const missing = new Set<string>();
		for (const id of ids) {
			const known = cache.get(id);
			if (known === undefined) {
				missing.add(id);
				continue;
			}
			cache.delete(id);
			cache.set(id, known);
			found.set(id, known.spec);
		}
		if (missing.size === 0) return found;
		const docs = await db.run(async () =>
			db
				.of('specs')
				.find({ _id: { $in: [...missing] } })
				.toArray(),
		);
		for (const doc of docs) found.set(doc._id, keep(doc._id, doc['spec'] as string, 0));
		return found;
	}

	return {
		forget,
		find: async (id) => (await findAll([id])).get(id) ?? null,
		async write(records) {
			const now = clock.now();
			const wanted = new Map(
				records
					.filter(({ id }) => (cache.get(id)?.writtenAt ?? -SURE) + SURE <= now)
					.map((record) => [record.id, record]),
			);
			if (wanted.size === 0) return;
			const texts = [...wanted.values()].map(({ id, spec }) => ({
				id,
				text: JSON.stringify(spec),
			}));
			await db.run(async () =>
				db.of('specs').bulkWrite(
					texts.map(({ id, text }) => ({
						updateOne: {
							filter: { _id: id },
							update: { $setOnInsert: { spec: text }, $max: { usedAt: now } },
							upsert: true,
						},
					})),
					{ ordered: false },
				),
			);
			for (const { id, text } of texts) keep(id, text, now);
		},
		port: { getSpecs: async (ids) => findAll(ids) },
	};
}
