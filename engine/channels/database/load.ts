import type { Row } from '../../contract/envelope.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { Duration } from '../../contract/time.ts';
import type { Parcel } from '../channel.port.ts';
import type { DatabaseSettings } from './settings.ts';

/** A column of the table as the database tells of it. */
export interface TableColumn {
	name: string;
	/** `integer`, `timestamp with time zone`, `datetime`. */
	type: string;
}

/** One column that is written: where its value comes from and where it goes. */
export interface Assignment {
	/** The column of the result; null for the id of the load. */
	from: string | null;
	to: TableColumn;
}

/** What is loaded, as it is remembered. */
export interface Load {
	id: string;
	sha256: string;
	rows: number;
}

/** One connection with one transaction. */
export interface LoadSession {
	/** How long a statement may take from here on. Asks the server only where it is another time than before. */
	limit(timeout: Duration): Promise<void>;
	/** In order; none when there is no such table. */
	columns(): Promise<TableColumn[]>;
	/** Begins the transaction and remembers the load in it. @returns false when it was loaded before */
	begin(load: Load): Promise<boolean>;
	insert(assignments: readonly Assignment[], rows: readonly Row[]): Promise<void>;
	commit(): Promise<void>;
	rollback(): Promise<void>;
	/** At once: what was not committed is none. */
	destroy(): void;
}

/**
 * Which columns are written. @param found the names in the rows
 * @throws CapError TARGET_REFUSED naming what does not fit
 */
export function assign(
	table: readonly TableColumn[],
	found: Iterable<string>,
	settings: Pick<DatabaseSettings, 'driver' | 'table' | 'rename' | 'extra' | 'loadIdColumn'>,
): Assignment[] {
	if (table.length === 0)
		throw refused(`there is no table "${settings.table}", or not for this user`);
	// MySQL's columns have no case
	const fold = (name: string): string => (settings.driver === 'mysql' ? name.toLowerCase() : name);
	const byName = new Map(table.map((column) => [fold(column.name), column]));
	const taken = new Map<string, string | null>();
	const assignments: Assignment[] = [];
	const extra: string[] = [];
	const take = (from: string | null, name: string): boolean => {
		const to = byName.get(fold(name));
		if (to === undefined) return false;
		const other = taken.get(to.name);
		if (other !== undefined) {
			throw refused(
				`columns "${other ?? 'load id'}" and "${from ?? 'load id'}" both go to "${to.name}"`,
			);
		}
		taken.set(to.name, from);
		assignments.push({ from, to });
		return true;
	};
	const { loadIdColumn, rename } = settings;
	if (loadIdColumn !== undefined && !take(null, loadIdColumn)) {
		throw refused(`the table has no column "${loadIdColumn}" for the load id`);
	}
	for (const name of found) {
		if (!take(name, Object.hasOwn(rename, name) ? (rename[name] ?? name) : name)) extra.push(name);
	}
	if (extra.length > 0 && settings.extra === 'refuse') {
		const names = extra.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 60)));
		throw refused(`the table has no column for ${names.join(', ')}${extra.length > 5 ? ' …' : ''}`);
	}
	if (assignments.every(({ from }) => from === null))
		throw refused('no column of the result is one of the table');
	return assignments;
}

/** @throws CapError FORMAT_UNSUITABLE for a file that is no rows */
export function rowsOf(
	parcel: Pick<Parcel, 'readRows' | 'contentType'>,
	bytes: AsyncIterable<Uint8Array>,
): AsyncIterable<readonly Row[]> {
	if (parcel.readRows !== undefined) return parcel.readRows(bytes);
	throw inputError('FORMAT_UNSUITABLE', {
		path: 'format',
		expected: 'rows as "ndjson", of one table and not packed',
		received: parcel.contentType,
	});
}

function refused(message: string): CapError {
	return new CapError('TARGET_REFUSED', message);
}

/** Of rows that go in one statement. */
const BATCH = { rows: 1000, values: 30_000 } as const;

export function batchSize(columns: number): number {
	return Math.max(1, Math.min(BATCH.rows, Math.floor(BATCH.values / Math.max(1, columns))));
}
