import type { EventDraft } from '../../contract/event.ts';
import type { Instant } from '../../contract/time.ts';
import type { TimerName } from '../store.port.ts';
import type { Queryable, Session, SqlValue } from './database.ts';
import type { Codec } from './rows.ts';
import { setTimers } from './timers.ts';
import type { TimerChange } from './timers.ts';

export type TalliedKind = 'schedule' | 'run' | 'delivery';

/** What the writes of one commit gathered. */
export interface Gathered {
	events: EventDraft[];
	/** By `kind|tenant|state`. */
	tallies: Map<string, number>;
	/** By name and key; null removes it. */
	timers: Map<string, TimerChange>;
}

/**
 * What a write works with. Reads wait for their answers. What only has to be written is sent in bulk and not
 * waited for one by one: `insert` gathers records by table, `later` sends a statement at once and leaves its
 * answer for the end, timers, events and tallies go with the last statements of the commit.
 */
export interface Transaction extends Queryable {
	events(drafts: readonly EventDraft[]): void;
	/** A row of this kind went from one state to another; null where it was made or deleted. */
	tally(kind: TalliedKind, tenant: string, from: string | null, to: string | null): void;
	setTimer(name: TimerName, key: string, at: Instant): void;
	removeTimers(key: string, ...names: TimerName[]): void;
	/** Inserts the record before the commit, or before the next `flush`, together with others of its kind. */
	insert<T>(into: BulkInsert<T>, record: T): void;
	/** Sends the statement; if it fails, the write does. */
	later(sql: string, values: readonly SqlValue[]): void;
	/** The same with a look at how many rows there were; what `check` throws, the write does. */
	expect(sql: string, values: readonly SqlValue[], check: (rows: number) => void): void;
	/** Resolves when all inserts and later statements are carried out. */
	flush(): Promise<void>;
	/**
	 * One after another of what may fail for itself: an item that cannot be written spoils no other. All are
	 * applied at once, and only when that fails, each in a savepoint of its own.
	 * @param failed answers for one that failed
	 */
	each<T, R>(
		items: readonly T[],
		apply: (items: readonly T[]) => Promise<R[]>,
		failed: (item: T, error: unknown) => R,
	): Promise<R[]>;
}

/** How records of one kind are written, many in one statement. */
export interface BulkInsert<T> {
	codec: Codec<T>;
	/** Columns beside those of the codec: their names with types, and their values. */
	extra?: { columns: readonly [name: string, type: string][]; values: (record: T) => SqlValue[] };
	/** `ON CONFLICT …` and `RETURNING …`. */
	suffix?: string;
	/** Takes what RETURNING gave. */
	returned?: (tx: Transaction, rows: readonly (readonly unknown[])[]) => void;
}

/** Ends the attempt: the commit has to be done again, each piece of work in a savepoint of its own. */
export class NeedsCare extends Error {}

export interface OpenTransaction extends Transaction {
	readonly gathered: Gathered;
	/** Whether something was tried that may fail for itself. */
	readonly triedEach: boolean;
	/** Runs the work in a savepoint; when it throws, what it did is undone. */
	isolated<T>(work: () => Promise<T>): Promise<T>;
}

export function createTransaction(
	session: Session,
	{ careful, isFatal }: { careful: boolean; isFatal: (error: unknown) => boolean },
): OpenTransaction {
	const gathered: Gathered = { events: [], tallies: new Map(), timers: new Map() };
	const { events, tallies, timers } = gathered;
	const inserts = new Map<BulkInsert<never>, never[]>();
	let sent: Promise<unknown>[] = [];
	let triedEach = false;

	const add = (key: string, by: number): void => {
		tallies.set(key, (tallies.get(key) ?? 0) + by);
	};

	function send(work: Promise<unknown>): void {
		// The first failure is told by `flush`; the others follow from it.
		work.catch(() => undefined);
		sent.push(work);
	}

	const tx: OpenTransaction = {
		gathered,
		rows: async (sql, values) => session.rows(sql, values),
		get: async (sql, values) => session.get(sql, values),
		run: async (sql, values) => session.run(sql, values),
		get triedEach() {
			return triedEach;
		},
		events(drafts) {
			for (const draft of drafts) events.push(draft);
		},
		tally(kind, tenant, from, to) {
			if (from === to) return;
			if (from !== null) add(`${kind}|${tenant}|${from}`, -1);
			if (to !== null) add(`${kind}|${tenant}|${to}`, 1);
		},
		setTimer(name, key, at) {
			timers.set(`${name}:${key}`, { name, key, at });
		},
		removeTimers(key, ...names) {
			for (const name of names) timers.set(`${name}:${key}`, { name, key, at: null });
		},
		insert<T>(into: BulkInsert<T>, record: T) {
			const records = inserts.get(into as unknown as BulkInsert<never>) as T[] | undefined;
			if (records === undefined) {
				inserts.set(into as unknown as BulkInsert<never>, [record as never]);
			} else records.push(record);
		},
		later(sql, values) {
			sendInserts();
			send(session.run(sql, values));
		},
		expect(sql, values, check) {
			sendInserts();
			send(session.run(sql, values).then(check));
		},
		async flush() {
			sendInserts();
			const waiting = sent;
			sent = [];
			await Promise.all(waiting);
		},
		async each(items, apply, failed) {
			triedEach = true;
			if (!careful) return items.length === 0 ? [] : apply(items);
			const results = [];
			for (const item of items) {
				try {
					results.push(...(await tx.isolated(() => apply([item]))));
				} catch (error) {
					if (isFatal(error)) throw error;
					results.push(failed(item, error));
				}
			}
			return results;
		},
		async isolated(work) {
			await tx.flush();
			const before = {
				events: events.length,
				tallies: new Map(tallies),
				timers: new Map(timers),
			};
			await session.run('SAVEPOINT work');
			try {
				const value = await work();
				await tx.flush();
				await session.run('RELEASE SAVEPOINT work');
				return value;
			} catch (error) {
				if (isFatal(error)) throw error;
				inserts.clear();
				await Promise.allSettled(sent);
				sent = [];
				events.length = before.events;
				restore(tallies, before.tallies);
				restore(timers, before.timers);
				await session.run('ROLLBACK TO SAVEPOINT work');
				throw error;
			}
		},
	};

	function sendInserts(): void {
		const pending = [...inserts];
		inserts.clear();
		for (const [into, records] of pending) {
			const { returned } = into;
			const { sql, values } = insertOf(into, records);
			const work = session.rows(sql, values);
			send(
				returned === undefined
					? work
					: work.then((rows) => {
							returned(tx, rows);
						}),
			);
		}
	}

	return tx;
}

function restore<K, V>(map: Map<K, V>, to: ReadonlyMap<K, V>): void {
	map.clear();
	for (const [key, value] of to) map.set(key, value);
}

/** One statement for any number of records: each column is one array. */
export function insertOf<T>(
	{ codec, extra, suffix = '' }: BulkInsert<T>,
	records: readonly T[],
): { sql: string; values: SqlValue[] } {
	const columns = [...codec.fields, ...(extra?.columns.map(([name]) => name) ?? [])];
	const types = [...codec.types, ...(extra?.columns.map(([, type]) => type) ?? [])];
	const sql = `INSERT INTO ${codec.table} (${columns.join(', ')})
		SELECT * FROM unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}) ${suffix}`;
	const values = columns.map(() => new Array<string>(records.length));
	records.forEach((record, at) => {
		const row = [...codec.toRow(record), ...(extra?.values(record) ?? [])];
		row.forEach((value, column) => {
			(values[column] as SqlValue[])[at] = value;
		});
	});
	return { sql, values };
}

/** The last statements before the commit's own. */
export async function finishTimers(tx: OpenTransaction): Promise<void> {
	setTimers(tx, [...tx.gathered.timers.values()]);
	await tx.flush();
}
