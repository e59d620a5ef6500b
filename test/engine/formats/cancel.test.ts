import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { describe, expect, it } from '@jest/globals';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { Format } from '../../../engine/formats/format.port.ts';
import { createFormatRegistry } from '../../../engine/formats/registry.ts';
import { generatedInput, type TestInput } from '../../support/format-input.ts';

/** What makes the files of a format long, or what it makes with others' help. */
const OPTIONS: Readonly<Record<string, readonly object[]>> = {
	html: [{}, { email: true, maxRows: 1_000_000 }, { chart: ['bar', 'line'] }],
	pdf: [{}, { chart: ['bar', 'line'] }],
	template: [{ template: '{{#rows}}{{name}}\n{{/rows}}', escape: 'none' }],
	xlsx: [{}, { rowsPerSheet: 500 }],
	parquet: [{ rowGroupRows: 500 }, { rowGroupRows: 500, compression: 'gzip' }],
	arrow: [{ batchRows: 500 }],
};
const ROWS = 6_000;

const row = (n: number): Row => ({
	name: `customer ${n}`,
	region: ['north', 'south', 'east'][n % 3]!,
	amount: n * 1.5,
	day: new Date(Date.UTC(2026, 0, 1) + (n % 300) * 86_400_000).toISOString().slice(0, 10),
	nested: { list: [n] },
});

const input = (): TestInput => generatedInput(ROWS, row);
const tables = (): TestInput => {
	const sets = ['one', 'two'].map((name) => ({ name, columns: undefined, rows: input().rows }));
	return { ...input(), tables: sets };
};

const CASES = createFormatRegistry()
	.list()
	.filter((format) => format.abilities.rows && format.abilities.tables !== 'untouched')
	.flatMap((format) =>
		(OPTIONS[format.name] ?? [{}]).flatMap((options) => [
			{ name: format.name, options, of: 'one table', format, make: input },
			{ name: format.name, options, of: 'several', format, make: tables },
		]),
	);

/** What this process holds of the machine: files, children, threads, and files in the folder for such. */
function held(): { descriptors: string[]; children: string[]; threads: number; files: string[] } {
	const descriptors = readdirSync('/proc/self/fd').map((number) => {
		try {
			return readlinkSync(`/proc/self/fd/${number}`);
		} catch {
			return '';
		}
	});
	const children = readdirSync('/proc/self/task').flatMap((thread) =>
		readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim().split(' '),
	);
	return {
		// of pipes and files those that are new; the folder that was listed is among them
		descriptors: descriptors.filter((path) => !/^(?:|\/proc\/.*)$/.test(path)).sort(),
		children: children.filter((id) => id !== '').sort(),
		threads: process.getActiveResourcesInfo().filter((name) => /Worker|Port/.test(name)).length,
		files: readdirSync(tmpdir()).filter((name) => name.includes(String(process.pid))),
	};
}

async function readSome(
	format: Format,
	from: TestInput,
	{ options, chunks }: Reading,
): Promise<number> {
	let seen = 0;
	for await (const chunk of format.render(from, format.options.parse(options))) {
		if (chunk.length > 0 && ++seen >= chunks) break;
	}
	return seen;
}

interface Reading {
	options: object;
	chunks: number;
}

/** Children end, and descriptors are closed, some turns after they were told to. */
async function settles(before: ReturnType<typeof held>): Promise<ReturnType<typeof held>> {
	const deadline = performance.now() + 10_000;
	for (;;) {
		const now = held();
		if (JSON.stringify(now) === JSON.stringify(before) || performance.now() > deadline) return now;
		await new Promise((resolve) => setImmediate(resolve));
	}
}

describe('a reader that goes away', () => {
	it.each(CASES)(
		'after some chunks of $name of $of with $options leaves nothing behind',
		async (one) => {
			const { format, options, make } = one;
			// what is loaded at first use stays, as it should
			await readSome(format, make(), { options, chunks: 1 });
			const before = await settles(held());
			for (const chunks of [1, 3]) {
				const from = make();
				await readSome(format, from, { options, chunks });
				expect(from.readers.closed).toBe(from.readers.opened);
			}
			expect(await settles(before)).toEqual(before);
		},
	);

	it.each(CASES)(
		'before the first chunk of $name of $of with $options has opened nothing',
		async (one) => {
			const { format, options, make } = one;
			const from = make();
			const bytes = format.render(from, format.options.parse(options))[Symbol.asyncIterator]();
			await bytes.return?.();
			expect(from.readers.opened).toBe(0);
		},
	);

	it.each(CASES)(
		'while the first chunk of $name of $of with $options is made leaves nothing behind',
		async (one) => {
			const { format, options, make } = one;
			const before = await settles(held());
			const from = make();
			const bytes = format.render(from, format.options.parse(options))[Symbol.asyncIterator]();
			const first = bytes.next();
			await Promise.all([first, bytes.return?.()]);
			expect(from.readers.closed).toBe(from.readers.opened);
			expect(await settles(before)).toEqual(before);
		},
	);
});
