import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';

import type { DeclaredColumn } from '../../contract/envelope.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { Query, Rows } from './query.ts';
import { refusedBy } from './query.ts';
import type { SqliteSettings } from './settings.ts';
import type { Frame, SqliteProcess } from './sqlite-process.ts';
import { SqlitePool } from './sqlite-pool.ts';

/** https://www.sqlite.org/rescode.html: busy, locked */
const BUSY = new Set([5, 6]);

export interface Sqlite {
	/** The real path of an allowed file. @throws CapError FILE_ROOT_FORBIDDEN, BINDING_INVALID when it is missing */
	locate(settings: SqliteSettings): Promise<string>;
	run(settings: SqliteSettings, query: Query, options: { named: boolean }): Promise<Rows>;
	close(): Promise<void>;
}

export function createSqlite(roots: readonly string[]): Sqlite {
	const pool = new SqlitePool();

	async function locate({ file }: SqliteSettings): Promise<string> {
		const [first] = roots;
		if (first !== undefined) {
			const path = resolve(first, file);
			const real = await realpath(path).catch(() => undefined);
			// whether there is a file elsewhere is nobody's business
			if (real === undefined && roots.some((root) => isInside(resolve(root), path))) {
				throw missing(file);
			}
			for (const root of roots) {
				const top = await realpath(root).catch(() => undefined);
				if (real !== undefined && top !== undefined && isInside(top, real)) return real;
			}
		}
		throw inputError('FILE_ROOT_FORBIDDEN', {
			path: 'binding.file',
			expected: 'a file in a folder that the operator allows',
			received: JSON.stringify(file),
		});
	}

	async function run(
		settings: SqliteSettings,
		query: Query,
		{ named }: { named: boolean },
	): Promise<Rows> {
		const file = await locate(settings);
		const child = await pool.take(query.limit);
		query.limit.onStop(() => {
			pool.give(child, { reusable: false });
		});
		try {
			const values = query.values.map(([name, value]): [string, string | number | null] => [
				name,
				bindable(value),
			]);
			child.start({ file, sql: query.sql, values, named });
			const columns = JSON.parse(
				(await next(child, query, 'C')).payload.toString(),
			) as DeclaredColumn[];
			return { columns, ...rowsOf(child, query) };
		} catch (error) {
			pool.give(child, {
				reusable: error instanceof CapError && error.code === 'CAPABILITY_FAILED',
			});
			throw error;
		}
	}

	function rowsOf(child: SqliteProcess, query: Query): Pick<Rows, 'source' | 'count'> {
		let count = 0;
		async function* read(): AsyncGenerator<Buffer> {
			let whole = false;
			try {
				for (;;) {
					const frame = await next(child, query, 'R', 'E');
					if (frame.kind === 'R') yield frame.payload;
					else {
						count = Number(frame.payload.toString());
						whole = true;
						return;
					}
				}
			} finally {
				query.limit.release();
				pool.give(child, { reusable: whole });
			}
		}
		return { source: read(), count: () => count };
	}

	return { locate, run, close: () => pool.close() };
}

function missing(file: string): CapError {
	return inputError('BINDING_INVALID', {
		path: 'binding.file',
		expected: 'a database file that exists',
		received: `${JSON.stringify(file)}, and there is none`,
	});
}

async function next(child: SqliteProcess, query: Query, ...kinds: Frame['kind'][]): Promise<Frame> {
	const frame = await child.frame();
	if (query.limit.stopped !== null) throw query.limit.stopped;
	if (frame === null) {
		throw new CapError('CAPABILITY_FAILED', 'SQLite ended without an answer: out of memory?');
	}
	if (kinds.includes(frame.kind)) return frame;
	const { message, code } = JSON.parse(frame.payload.toString()) as {
		message: string;
		code: number;
	};
	// the low byte is the primary result code
	if (BUSY.has(code & 255)) {
		throw new CapError('TARGET_BUSY', `SQLite ${code}: ${message}`, { retry: 'later' });
	}
	throw refusedBy('SQLite', String(code), message);
}

function bindable(value: JsonValue): string | number | null {
	if (typeof value === 'boolean') return value ? 1 : 0;
	return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

function isInside(root: string, path: string): boolean {
	const way = relative(root, path);
	return (
		way !== '' &&
		way !== '..' &&
		!way.startsWith(`..${sep}`) &&
		!isAbsolute(way) &&
		join(root, way) === path
	);
}
