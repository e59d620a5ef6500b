import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

import { benchRow } from '../formats/rows.ts';

const require = createRequire(new URL('../package.json', import.meta.url));

/** Its stream, fed as its documentation says; truths as words, as everybody reads them. */
export async function write(rows: number): Promise<number> {
	const { stringify } = require('csv-stringify') as {
		stringify: (options: object) => NodeJS.ReadWriteStream;
	};
	function* made(): Generator<object> {
		for (let n = 0; n < rows; n++) yield benchRow(n);
	}
	const options = { header: true, cast: { boolean: String }, record_delimiter: 'windows' };
	let bytes = 0;
	for await (const chunk of Readable.from(made()).pipe(stringify(options))) {
		bytes += (chunk as Buffer).length;
	}
	return bytes;
}
