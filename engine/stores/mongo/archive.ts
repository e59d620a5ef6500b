import type { Binary } from 'mongodb';

import type { EventDraft } from '../../contract/event.ts';
import type { BlobRef } from '../../contract/result.ts';
import type {
	Archive,
	ArchivePage,
	ArchiveReader,
	ArchiveRecords,
	EventBatch,
	Section,
} from '../archive.port.ts';
import { destinationsOf } from '../../contract/destinations-of.ts';
import { documentsOf, keysOf } from './archive-documents.ts';
import type { MongoBlobs } from './blobs.ts';
import type { Context } from './context.ts';
import type { CollectionName, Database } from './database.ts';
import type { Doc } from './documents.ts';
import { batchId } from './events.ts';
import { gateId, holderOf } from './look-at.ts';
import type { Names } from './names.ts';
import { nameOf } from './names.ts';
import type { createResults } from './results.ts';
import type { RunGates } from './run-gates.ts';

interface Parts {
	names: Names;
	gates: RunGates;
	blobs: MongoBlobs;
	results: Pick<ReturnType<typeof createResults>, 'writeBlobs'>;
}

/** How many effects are carried out at a time. */
const HEALED = 1000;
/** As for the sweeper: milliseconds. */
const ABANDONED = 15_000;
const OPEN = ['queued', 'running', 'waiting', 'retrying'];

/** All of a database, to be carried elsewhere or to be filled. */
export function createArchive(context: Context, parts: Parts): Archive {
	const { db, commits, nextSeq, clock } = context;
	const { names, gates, results } = parts;

	/** What follows from writes, and is not carried out, is in no document yet. */
	async function carryOut(olderThan = Number.MAX_SAFE_INTEGER): Promise<void> {
		while ((await commits.heal(olderThan, HEALED)) > 0) await commits.settled();
		await commits.settled();
	}

	async function insert(into: CollectionName, docs: readonly Doc[]): Promise<void> {
		if (docs.length === 0) return;
		await db.run(async () =>
			db.of(into).bulkWrite(
				docs.map(({ _id, ...fields }) => {
					return { updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true } };
				}),
				{ ordered: false },
			),
		);
	}

	/** Names are taken by what bears them. */
	async function reserve(kind: 'destination' | 'calendar', bearers: readonly Bearer[]) {
		for (const { id, tenant, name } of bearers) {
			if (!(await names.reserve(nameOf(kind, tenant, name), id))) {
				throw new Error(`${kind} ${name}: another one has the name`);
			}
		}
	}

	async function withUses(schedules: readonly ArchiveRecords['schedules'][]): Promise<Doc[]> {
		const specs = await db.run(async () =>
			db
				.of('specs')
				.find({ _id: { $in: schedules.map(({ specId }) => specId) } })
				.toArray(),
		);
		const used = new Map(
			specs.map((doc) => [doc._id, [...destinationsOf(documentsOf('specs').fromDoc(doc).spec)]]),
		);
		return schedules.map((schedule) => ({
			...documentsOf('schedules').toDoc(schedule),
			uses: used.get(schedule.specId) ?? [],
		}));
	}

	/** Who holds concurrency keys, and who is first of the serial ones. */
	async function rebuild(): Promise<void> {
		await carryOut();
		await db.run(async () => db.of('gates').deleteMany({}));
		await db.run(async () => db.of('serials').deleteMany({}));
		const holders = new Map<string, string[]>();
		const serials = new Set<string>();
		for await (const doc of db.of('runs').find({ state: { $in: OPEN } })) {
			const run = documentsOf('runs').fromDoc(doc);
			const { holds, serial } = keysOf(run);
			if (serial) serials.add(gateId(run.tenant, run.serialKey ?? ''));
			if (!holds) continue;
			const gate = gateId(run.tenant, run.concurrencyKey ?? '');
			holders.set(gate, [...(holders.get(gate) ?? []), holderOf(run)]);
		}
		const docs = [...holders].map(([_id, held]) => {
			return { _id, v: nextSeq(), holders: held, at: clock.now() };
		});
		await insert('gates', docs);
		const pending = [...serials].map((gate) => ({ of: { gate }, token: '', at: clock.now() }));
		await gates.promote(pending);
	}

	return {
		async reader(beside = 'nobody') {
			// what is younger belongs to who wrote it
			await (beside === 'nobody' ? carryOut() : carryOut(clock.now() - ABANDONED));
			return createReader(db, parts.blobs);
		},

		async writeRecords<S extends Section>(section: S, records: readonly ArchiveRecords[S][]) {
			if (section === 'events') {
				await insert('events', (records as readonly EventBatch[]).map(eventDoc));
				return;
			}
			if (section === 'schedules') {
				await insert(
					'schedules',
					await withUses(records as readonly ArchiveRecords['schedules'][]),
				);
				return;
			}
			if (section === 'destinations') await reserve('destination', records as readonly Bearer[]);
			if (section === 'calendars') {
				const heads = records as readonly ArchiveRecords['calendars'][];
				await reserve(
					'calendar',
					heads.filter(({ deletedAt }) => deletedAt === null),
				);
			}
			const documents = documentsOf(section);
			await insert(documents.in, records.map(documents.toDoc));
		},

		async replaceRecord<S extends Section>(
			section: S,
			before: ArchiveRecords[S],
			after: ArchiveRecords[S],
		) {
			const documents = documentsOf(section);
			type Field = keyof ArchiveRecords[S];
			const changed = (Object.keys(after) as Field[]).filter(
				(field) => JSON.stringify(after[field]) !== JSON.stringify(before[field]),
			);
			if (changed.length === 0) return true;
			const of = (record: ArchiveRecords[S]) =>
				documents.encode(
					Object.fromEntries(changed.map((field) => [field, record[field]])) as Partial<
						ArchiveRecords[S]
					>,
				);
			const filter = { _id: documents.toDoc(before)._id, ...of(before) };
			const { matchedCount } = await db.run(async () =>
				db.of(documents.in).updateOne(filter, { $set: of(after) }),
			);
			return matchedCount === 1;
		},

		async lackingBlobs(refs) {
			const docs = await db.run(async () =>
				db
					.of('blobs')
					.find({ _id: { $in: refs.map(({ sha256 }) => sha256) } })
					.project<Doc>({ _id: 1 })
					.toArray(),
			);
			const there = new Set(docs.map(({ _id }) => _id));
			return refs.filter(({ sha256 }) => !there.has(sha256));
		},

		writeSmallBlobs: async (blobs) =>
			results.writeBlobs(blobs.map(({ ref, bytes }) => ({ ref, inline: bytes }))),

		/** It is there since it was staged. */
		keepStaged: () => Promise.resolve(),

		async clear() {
			await db.run(async () => db.of('events').deleteMany({}));
		},

		rebuild,
	};
}

type Bearer = { id: string; tenant: string; name: string };

function eventDoc({ tenant, seq, at, items }: EventBatch): Doc {
	return {
		_id: batchId(tenant, seq),
		tenant,
		seq,
		at,
		count: items.length,
		items: JSON.stringify(items),
		from: [],
		batch: '',
		by: '',
	};
}

/** Reads what is there while it reads: not of one moment, so nothing may write meanwhile. */
function createReader(db: Database, blobs: MongoBlobs): ArchiveReader {
	async function docs(name: CollectionName, after: string | null, limit: number): Promise<Doc[]> {
		const filter = after === null ? {} : { _id: { $gt: after } };
		return db.run(async () => db.of(name).find(filter).sort({ _id: 1 }).limit(limit).toArray());
	}
	return {
		ofOneMoment: false,

		async read<S extends Section>(
			section: S,
			{ after, limit }: { after: string | null; limit: number },
		) {
			const documents = section === 'events' ? null : documentsOf(section);
			const found = await docs(documents?.in ?? 'events', after, limit);
			const items = found.map((doc) => (documents?.fromDoc ?? batchOf)(doc));
			const next = found.length < limit ? null : (found.at(-1)?._id ?? null);
			return { items, next } as ArchivePage<S>;
		},

		async smallBlobs(refs) {
			const _id = { $in: refs.map(({ sha256 }) => sha256) };
			const small = await db.run(async () =>
				db
					.of('blobs')
					.find({ _id, bytes: { $exists: true } })
					.toArray(),
			);
			return new Map(
				small.map((doc) => {
					const bytes = doc['bytes'] as Binary;
					return [doc._id, bytes.buffer.subarray(0, bytes.length())];
				}),
			);
		},

		openBlob: (ref: BlobRef) => blobs.open(ref),
		close: () => Promise.resolve(),
	};
}

function batchOf(doc: Doc): EventBatch {
	return {
		tenant: doc['tenant'] as string,
		seq: Number(doc['seq']),
		at: Number(doc['at']),
		items: JSON.parse(doc['items'] as string) as EventDraft[],
	};
}
