import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { createFormatRegistry } from '../../../engine/formats/registry.ts';

describe('the registry of formats', () => {
	const registry = createFormatRegistry();

	it('knows every format by name', () => {
		expect(registry.list().map(({ name }) => name)).toEqual([
			'json',
			'ndjson',
			'csv',
			'tsv',
			'xml',
			'yaml',
			'markdown',
			'text',
			'html',
			'pdf',
			'template',
			'xlsx',
			'ods',
			'parquet',
			'arrow',
			'raw',
		]);
		for (const format of registry.list()) expect(registry.get(format.name)).toBe(format);
		expect(registry.get('docx')).toBeUndefined();
		expect(registry.get('constructor')).toBeUndefined();
	});

	it('can say the JSON Schema of all options, each described', () => {
		for (const { options } of registry.list()) {
			const schema = z.toJSONSchema(options, { io: 'input' });
			expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
			for (const option of Object.values(schema.properties ?? {})) {
				expect(option).toHaveProperty('description');
			}
		}
	});

	it('takes another format, and none under a name that is taken', () => {
		const csv = createFormatRegistry().get('csv')!;
		expect(createFormatRegistry([{ ...csv, name: 'other' }]).get('other')?.title).toBe('CSV');
		expect(() => createFormatRegistry([csv])).toThrow('there is a format "csv" already');
	});
});
