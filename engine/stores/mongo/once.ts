import type { IdempotencyRecord, Once } from '../store.port.ts';
import type { CollectionName } from './database.ts';
import type { Context } from './context.ts';
import type { Doc, Root } from './documents.ts';
import { is } from './documents.ts';
import type { Effect } from './effects.ts';
import { effect } from './effects.ts';
import { idempotencyRows } from './rows.ts';

type Part = Pick<Context, 'db' | 'commits' | 'clock'>;

/**
 * Makes something new, once under a key. With a key its record is the root: whoever puts it there has made the write,
 * and all that it says follows. Without one the document itself is, or the journal where there is none.
 * @throws Error when the document is there already
 */
export async function create<T>(
	context: Part,
	{
		record,
		root,
		effects,
		value,
	}: {
		record: IdempotencyRecord | undefined;
		root: { into: CollectionName; doc: Doc } | null;
		effects: Effect[];
		value: T;
	},
): Promise<Once<T>> {
	const { commits } = context;
	if (record === undefined) {
		if (root === null) await commits.journal(effects);
		else if (!(await commits.insert(root.into, root.doc, effects))) {
			throw new Error(`${root.into}: ${root.doc._id} is there already`);
		}
		return { replayed: false, value };
	}
	const all = [...effects];
	if (root !== null) {
		all.unshift(effect('insert', { into: root.into, doc: { ...root.doc, v: 1, w: [] } }));
	}
	const doc = idempotencyRows.toDoc(record);
	for (;;) {
		if (await commits.insert('idempotency', doc, all)) return { replayed: false, value };
		const earlier = await findIdempotent(context, record, context.clock.now());
		if (earlier !== null) return { replayed: true, earlier };
		await removeExpired(context, record);
	}
}

/** One that is found is carried out: who repeats a request may rely on what it says. */
export async function findIdempotent(
	{ db, commits }: Pick<Context, 'db' | 'commits'>,
	{ tenant, key }: { tenant: string; key: string },
	now: number,
): Promise<IdempotencyRecord | null> {
	const doc = await db.run(async () =>
		db.of('idempotency').findOne({
			_id: is(JSON.stringify([String(tenant), String(key)])) as never,
			expiresAt: { $gt: now },
		}),
	);
	if (doc === null) return null;
	await commits.help('idempotency', [doc]);
	return idempotencyRows.fromDoc(doc);
}

/** So that a record of the same key can take its place. */
export async function removeExpired(
	{ db, commits, clock }: Part,
	record: IdempotencyRecord,
): Promise<void> {
	const _id = idempotencyRows.toDoc(record)._id;
	const doc = await db.run(async () => db.of('idempotency').findOne({ _id }));
	if (doc === null) return;
	await commits.help('idempotency', [doc]);
	const { v } = doc as Root;
	await db.run(async () =>
		db.of('idempotency').deleteOne({ _id, v, expiresAt: { $lte: clock.now() } }),
	);
}
