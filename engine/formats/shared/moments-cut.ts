import type { FormatNotice } from '../../contract/result.ts';
import type { Table } from './table.ts';

/** What is told where columns hold microseconds, and so many instants had more digits. */
export function momentsCut({ name }: Table, count: number): FormatNotice {
	const message = 'Digits beyond the microsecond are not in the file';
	return { code: 'values_changed', message, count, ...(name === '' ? {} : { table: name }) };
}
