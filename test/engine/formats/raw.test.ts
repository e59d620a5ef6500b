import { describe, expect, it } from '@jest/globals';

import { createRawFormat } from '../../../engine/formats/raw/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';

const raw = createRawFormat();

exerciseFormat(raw, { countRows: (text) => text.split('\n').length - 1 });

describe('raw', () => {
	it.each([
		['application/pdf', 'pdf'],
		['text/csv; charset=utf-8', 'csv'],
		['Image/PNG', 'png'],
		['application/x-unheard-of', 'bin'],
	])('names a file of %s .%s and keeps the media type', (contentType, extension) => {
		expect(raw.describe?.({ binary: true, contentType }, {})).toEqual({ contentType, extension });
	});
});
