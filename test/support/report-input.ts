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

/** More than a page is wide. */
export const manyColumns = (): FormatInput =>
	generatedInput(25, (n) =>
		Object.fromEntries(
			Array.from({ length: 60 }, (_, at) => [
				`column ${at + 1}`,
				at % 3 === 0 ? `value ${n}.${at}` : n * at,
			]),
		),
	);

/** Letters of many scripts, a long text and a short one. */
export const scripts = (): FormatInput =>
	inputOf(
		[
			['Polish', 'Zażółć gęślą jaźń'],
			['Greek', 'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία'],
			['Cyrillic', 'Съешь же ещё этих мягких французских булок'],
			['Vietnamese', 'Tiếng Việt có nhiều dấu'],
			['Chinese', '我能吞下玻璃而不伤身体'],
			['Japanese', 'わたしはガラスをたべられます'],
			['Korean', '키스의 고유조건은 입술끼리 만나야 하고'],
			['Hindi', 'हिन्दी में लिखें'],
			['Thai', 'ภาษาไทยง่ายนิดเดียว'],
			['Arabic', 'أنا قادر على أكل الزجاج'],
			['Hebrew', 'אני יכול לאכול זכוכית (abc) 123'],
			['Emoji', '👩‍👩‍👧‍👦 😀 ✓ → €'],
			['Combining', 'e\u0301 a\u0308 n\u0303'],
			['Long', 'A text that goes on and on until it has to be wrapped in its column. '.repeat(6)],
			['One word', 'Donaudampfschifffahrtsgesellschaft'.repeat(5)],
		].map(([script = '', text = ''], n) => ({ script, text, number: n * 1234.5 })),
	);
