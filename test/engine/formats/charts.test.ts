import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { JsonObject } from '../../../engine/contract/json.ts';
import {
	chooseColumns,
	type ChartColumn,
	type Role,
} from '../../../engine/formats/shared/chart/choose.ts';
import { drawCharts } from '../../../engine/formats/shared/chart/draw.ts';
import {
	chartOptions,
	chartsOf,
	type TypedChart,
} from '../../../engine/formats/shared/chart/options.ts';
import { planChart } from '../../../engine/formats/shared/chart/plan.ts';
import { readSvg, type SvgElement } from '../../../engine/formats/shared/chart/svg.ts';
import { generatedInput, inputOf } from '../../support/format-input.ts';

const options = z.strictObject(chartOptions);
const LOOK = {
	...{ width: 500, height: 200, fontSize: 10 },
	...{ accent: '#0b6e5f', ink: '#1b1f24', soft: '#59636e', line: '#e3e7eb' },
};
const NOW = Date.parse('2026-11-23T08:00:00Z');

const column = (name: string, role: Role): ChartColumn => ({
	...{ name, label: name, role },
	read: (row) => row[name],
});
const COLUMNS = [
	column('id', 'ordinal'),
	column('region', 'category'),
	column('day', 'moment'),
	column('sales', 'measure'),
	column('cost', 'measure'),
];

const rowsOf = (count: number): Row[] =>
	Array.from({ length: count }, (_, id) => ({
		id,
		region: `region ${id % 30}`,
		day: new Date(Date.UTC(2026, 0, 1 + id)).toISOString().slice(0, 10),
		sales: id % 7,
		cost: id,
	}));

const planOf = async (chart: TypedChart, rows: readonly Row[] = rowsOf(300)) => {
	const planned = await planChart(chart, {
		columns: COLUMNS,
		rowCount: rows.length,
		rows: () => inputOf(rows).rows(),
	});
	if (typeof planned === 'string') throw new Error(planned);
	return planned;
};

const draw = async (spec: JsonObject, rows: readonly Row[] = [], time?: number) => {
	const job = { charts: [{ spec, rows, look: LOOK }], now: NOW };
	const [drawn] = await drawCharts(job, { timeZone: 'America/New_York', ...(time && { time }) });
	return drawn!;
};

const textsOf = (element: SvgElement): string[] =>
	element.children.flatMap((child) => (typeof child === 'string' ? [child] : textsOf(child)));
const pictureOf = async (spec: JsonObject, rows: readonly Row[]): Promise<SvgElement> => {
	const drawn = await draw(spec, rows);
	if ('error' in drawn) throw new Error(drawn.error);
	return drawn.picture;
};

describe('options of charts', () => {
	it('take a type, a type with columns, a specification, or several of them', () => {
		const spec = { mark: 'bar', encoding: {} };
		for (const chart of ['bar', { type: 'pie', x: 'region' }, { spec }, ['line', { spec }]]) {
			expect(options.safeParse({ chart }).error).toBeUndefined();
		}
		expect(chartsOf(options.parse({ chart: ['bar', { spec }] }).chart)).toEqual([
			{ type: 'bar' },
			{ spec },
		]);
		expect(options.safeParse({ chart: 'radar' }).success).toBe(false);
		expect(options.safeParse({ chart: { spec: { data: { values: [] } } } }).success).toBe(false);
	});

	it.each([
		['data', { data: { url: 'https://example.com/a.json' }, mark: 'bar' }],
		['data of a layer', { layer: [{ data: { url: 'file:///etc/passwd' }, mark: 'bar' }] }],
		[
			'a lookup',
			{ mark: 'bar', transform: [{ lookup: 'a', from: { data: { url: 'x' }, key: 'a' } }] },
		],
		['an image', { mark: 'image', encoding: { url: { field: 'a' } } }],
		['an image by its type', { mark: { type: 'image', width: 5 } }],
		['a link', { mark: 'bar', encoding: { href: { field: 'a' } } }],
		['too deep', { mark: 'bar', a: JSON.parse('['.repeat(60) + ']'.repeat(60)) as never }],
	])('refuse what would load something or lead away: %s', (_, spec) => {
		expect(options.safeParse({ chart: { spec } }).success).toBe(false);
	});

	it('take rows of values that happen to hold such names', () => {
		const spec = { data: { values: [{ url: 'x', href: 'y', type: 'image' }] }, mark: 'bar' };
		expect(options.safeParse({ chart: { spec } }).success).toBe(true);
	});
});

describe('columns of charts', () => {
	it.each([
		['bar', 'region', ['sales']],
		['line', 'day', ['sales', 'cost']],
		['area', 'day', ['sales']],
		['pie', 'region', ['sales']],
		['scatter', 'sales', ['cost']],
	] as const)('are those that a person would take for %s', (type, x, y) => {
		const choice = chooseColumns({ type }, COLUMNS);
		if (typeof choice === 'string') throw new Error(choice);
		expect(choice.x?.name).toBe(x);
		expect(choice.y.map(({ name }) => name)).toEqual(y);
	});

	it('are those that are named', () => {
		const choice = chooseColumns(
			{ type: 'bar', x: 'day', y: ['cost', 'id'], series: 'region' },
			COLUMNS,
		);
		expect(choice).toMatchObject({
			x: { name: 'day' },
			y: [{ name: 'cost' }, { name: 'id' }],
			series: { name: 'region' },
		});
		expect(chooseColumns({ type: 'bar', x: 'nowhere' }, COLUMNS)).toContain('nowhere');
	});
});

describe('data of charts', () => {
	it('is summed up by place, the greatest first, the others together and told', async () => {
		const { rows, remarks, title } = await planOf({ type: 'bar', y: 'cost' });
		expect(rows).toHaveLength(21);
		expect(rows[0]).toMatchObject({ x: 'region 29', y: 29 * 10 + 30 * 45 });
		expect(rows.at(-1)?.['x']).toBe('Other');
		const total = rows.reduce((sum, row) => sum + Number(row['y']), 0);
		expect(total).toBe((299 * 300) / 2);
		expect(remarks).toEqual(['10 more are shown together as “Other”.']);
		expect(title).toBe('Sum of cost by region');
	});

	it.each([
		['sum', 9],
		['mean', 3],
		['count', 3],
		['min', 1],
		['max', 5],
	] as const)('is combined by %s', async (aggregate, expected) => {
		const rows = [1, 3, 5].map((sales) => ({ region: 'a', sales }));
		expect((await planOf({ type: 'bar', y: 'sales', aggregate }, rows)).rows[0]?.['y']).toBe(
			expected,
		);
	});

	it('counts rows where there are no numbers', async () => {
		const rows = ['a', 'b', 'a'].map((kind) => ({ kind }));
		const planned = await planChart(
			{ type: 'bar' },
			{ columns: [column('kind', 'category')], rowCount: 3, rows: () => inputOf(rows).rows() },
		);
		expect(planned).toMatchObject({
			title: 'Rows by kind',
			rows: [
				{ x: 'a', y: 2 },
				{ x: 'b', y: 1 },
			],
		});
	});

	it('is in order of time along a line, and thinned to what can be seen', async () => {
		const { rows, remarks } = await planOf({ type: 'line', y: 'cost' }, rowsOf(5000).reverse());
		expect(rows.length).toBeLessThanOrEqual(2000);
		expect(rows[0]).toMatchObject({ x: '2026-01-01', y: 1 });
		expect(remarks).toEqual(['Each point is the mean of 3 neighbours of 5000.']);
	});

	it('is a sample, evenly taken and told, where every row is a point', async () => {
		const { rows, remarks } = await planOf({ type: 'scatter' }, rowsOf(9000));
		expect(rows).toHaveLength(3000);
		expect(remarks).toEqual(['The chart shows every 3rd of 9000 rows.']);
	});

	it('holds memory flat, also with a place of its own for each row', async () => {
		const input = generatedInput(60_000, (id) => ({ region: `r${id}`, sales: 1 }));
		const planned = await planChart(
			{ type: 'bar' },
			{ columns: COLUMNS, rowCount: 60_000, rows: () => input.rows() },
		);
		expect(planned).toMatchObject({
			remarks: [expect.stringContaining('40000 values'), expect.any(String)],
		});
	});

	it('turns a pie of negative numbers into bars', async () => {
		const { spec, remarks } = await planOf({ type: 'pie', y: 'sales' }, [
			{ region: 'a', sales: -1 },
		]);
		expect(spec['mark']).toEqual({ type: 'bar' });
		expect(remarks).toHaveLength(1);
	});
});

describe('pictures of charts', () => {
	const bars: JsonObject = {
		mark: 'bar',
		encoding: { x: { field: 'a', type: 'nominal' }, y: { field: 'b', type: 'quantitative' } },
	};

	it('are drawn from the rows, and are the same each time', async () => {
		const rows = [
			{ a: 'x', b: 3 },
			{ a: '<script>', b: 5 },
		];
		const first = await pictureOf(bars, rows);
		expect(textsOf(first)).toEqual(expect.arrayContaining(['x', '<script>', '5']));
		expect(await pictureOf(bars, rows)).toEqual(first);
	});

	it('know days as days, in the zone of the schedule', async () => {
		const spec: JsonObject = {
			mark: 'line',
			encoding: {
				x: { field: 'd', type: 'temporal', axis: { format: '%d %H' } },
				y: { field: 'b', type: 'quantitative' },
			},
		};
		const rows = [
			{ d: '2026-03-02', b: 1 },
			{ d: '2026-03-05', b: 2 },
		];
		expect(textsOf(await pictureOf(spec, rows))).toEqual(
			expect.arrayContaining(['02 00', '05 00']),
		);
	});

	it('do not know the time of day nor chance', async () => {
		const spec: JsonObject = {
			...{ mark: 'point', transform: [{ calculate: 'now() + random()', as: 'z' }] },
			encoding: { x: { field: 'z', type: 'quantitative' } },
		};
		const first = await pictureOf(spec, [{ a: 1 }]);
		expect(await pictureOf(spec, [{ a: 1 }])).toEqual(first);
	});

	it('load nothing, though a specification slipped through', async () => {
		const drawn = await draw({
			...bars,
			data: { url: 'file:///etc/hostname', format: { type: 'csv' } },
		});
		expect(drawn).toMatchObject({ error: expect.stringContaining('load nothing') });
	});

	it('run no code of a specification', async () => {
		const spec: JsonObject = {
			...bars,
			transform: [{ calculate: "constructor.constructor('return process')().exit(3)", as: 'b' }],
		};
		const drawn = await draw(spec, [{ a: 'x', b: 1 }]);
		expect('error' in drawn ? drawn.error : '').not.toContain('ended');
	});

	it('are given up after a time, and when they take too much memory', async () => {
		const many = (stop: number): JsonObject => ({
			...{ data: { sequence: { start: 0, stop, as: 'a' } }, mark: 'point' },
			encoding: { x: { field: 'a', type: 'quantitative' } },
		});
		expect(await draw(many(3_000_000), [], 1)).toEqual({ error: 'it took longer than 1 ms' });
		expect(await draw(many(80_000_000))).toMatchObject({
			error: expect.stringMatching(/memory|longer|pictures/),
		});
	});

	it('are drawn by two processes at a time, however many are asked for', async () => {
		const processes = (): number =>
			process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length;
		// a process is gone a moment after its picture is there
		const allGone = async (): Promise<void> => {
			while (processes() > 0) await new Promise(setImmediate);
		};
		await allGone();
		const all = Array.from({ length: 5 }, async () => draw(bars, [{ a: 'x', b: 1 }]));
		await Promise.resolve();
		expect(processes()).toBe(2);
		for (const drawn of await Promise.all(all)) expect(drawn).toHaveProperty('picture');
		await allGone();
	});

	it('say what is wrong with a specification', async () => {
		const drawn = await draw({ mark: 'bar', transform: [{ calculate: '1 +', as: 'x' }] }, [
			{ a: 1 },
		]);
		expect(drawn).toMatchObject({ error: expect.stringContaining('end of input') });
	});
});

describe('reading a picture', () => {
	it('keeps what reports show, and nothing else', () => {
		const svg = readSvg(
			'<svg width="5" onload="x()"><script>alert(1)</script><image href="a.png"/><a xlink:href="x"><path d="M0,0"/></a>' +
				'<g fill="url(#g0)" stroke="url(http://x/)"><text x="1">a &lt; &#65;<tspan dy="3">b</tspan></text></g></svg>',
		);
		expect(svg).toEqual({
			name: 'svg',
			attributes: { width: '5' },
			children: [
				{
					name: 'g',
					attributes: { fill: 'url(#g0)' },
					children: [
						{
							name: 'text',
							attributes: { x: '1' },
							children: ['a < A', { name: 'tspan', attributes: { dy: '3' }, children: ['b'] }],
						},
					],
				},
			],
		});
	});

	it.each(['', '<g/>', '<svg>', '<svg></g></svg>'])('refuses %j', (text) => {
		expect(() => readSvg(text)).toThrow('svg');
	});
});
