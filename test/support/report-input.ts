import type { FormatInput } from '../../engine/formats/format.port.ts';
import { generatedInput, inputOf } from './format-input.ts';

const REGIONS = ['North', 'South', 'East', 'West'];

/** A report as people have them: days, categories, amounts, a remark now and then. */
export const sales = (count = 40): FormatInput =>
	generatedInput(count, (n) => ({
		day: new Date(Date.UTC(2026, 9, 1 + n)).toISOString().slice(0, 10),
		region: REGIONS[n % 4]!,
		orders: 12 + ((n * 7) % 31),
		sales: 1250.5 + ((n * 7919) % 20_000) / 4,
		share: ((n * 37) % 100) / 100,
		remark: n % 9 === 4 ? 'Two large orders came late and are booked in the month after' : null,
	}));

/** Two result sets. */
export const severalTables = (): FormatInput => ({
	...inputOf([]),
	tables: [
		{ name: 'orders', columns: undefined, rows: sales(12).rows },
		{
			name: 'returns & more',
			columns: undefined,
			rows: inputOf([{ id: 7, reason: 'broken' }]).rows,
		},
	],
});
