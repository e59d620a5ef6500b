import { describe, expect, it } from '@jest/globals';

import { createNdjsonFormat } from '../../../engine/formats/ndjson/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inputOf, renderToText } from '../../support/format-input.ts';
import { NASTY_ROWS } from '../../support/nasty-rows.ts';

const ndjson = createNdjsonFormat();

exerciseFormat(ndjson, { countRows: (text) => text.split('\n').length - 1 });

describe('ndjson', () => {
	it('writes one object a line that says what the row said', async () => {
		const text = await renderToText(ndjson.render(inputOf(NASTY_ROWS), {}));
		const lines = text.split('\n');
		expect(lines.pop()).toBe('');
		expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
			JSON.parse(JSON.stringify(NASTY_ROWS)),
		);
	});
});
