import type { Row } from '../contract/envelope.ts';
import type { FormatInput, ReportMeta } from '../formats/format.port.ts';

export const META: ReportMeta = {
	title: 'Daily sales',
	capability: 'reports',
	action: 'daily-sales',
	runId: 'run_1',
	parameters: { region: 'EU' },
	nominalAt: '2026-11-23T08:00:00.000Z',
	window: { start: '2026-11-22T08:00:00.000Z', end: '2026-11-23T08:00:00.000Z' },
	timeZone: 'Europe/Berlin',
	resultAt: '2026-11-23T08:00:03.412Z',
};

/** What became of the readers that a format opened. */
export interface Readers {
	opened: number;
	closed: number;
	/** Rows handed out by the reader opened last. */
	given: number;
}

export interface TestInput extends FormatInput {
	readers: Readers;
}

export interface InputOptions {
	batchSize?: number;
	/** Thrown in place of the batch after so many rows. */
	failure?: { afterRows: number; error: Error };
	meta?: Partial<ReportMeta>;
	columns?: FormatInput['columns'];
}

/** An input whose rows are made as they are asked for, and which watches its readers. */
export function generatedInput(
	count: number,
	makeRow: (index: number) => Row,
	options: InputOptions = {},
): TestInput {
	const { batchSize = 100, failure } = options;
	const readers: Readers = { opened: 0, closed: 0, given: 0 };
	async function* rows(): AsyncGenerator<readonly Row[]> {
		readers.opened += 1;
		readers.given = 0;
		try {
			for (let from = 0; from < count; from += batchSize) {
				if (failure && from >= failure.afterRows) throw failure.error;
				const batch: Row[] = [];
				for (let at = from; at < Math.min(from + batchSize, count); at++) batch.push(makeRow(at));
				readers.given += batch.length;
				yield batch;
			}
		} finally {
			readers.closed += 1;
		}
	}
	return {
		rows,
		async *bytes() {
			for await (const batch of rows()) {
				yield Buffer.from(batch.map((row) => `${JSON.stringify(row)}\n`).join(''));
			}
		},
		binary: false,
		encoding: 'ndjson',
		contentType: 'application/x-ndjson',
		columns: options.columns,
		meta: { ...META, ...options.meta },
		readers,
	};
}

export const inputOf = (rows: readonly Row[], options?: InputOptions): TestInput =>
	generatedInput(rows.length, (index) => rows[index]!, options);

export async function renderToBytes(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const all: Uint8Array[] = [];
	for await (const chunk of chunks) all.push(chunk);
	return Buffer.concat(all);
}

/** @throws TypeError when it is not UTF-8, as every text that a format writes is */
export const textOf = (bytes: Uint8Array): string =>
	new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);

export const renderToText = async (chunks: AsyncIterable<Uint8Array>): Promise<string> =>
	textOf(await renderToBytes(chunks));

export async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
