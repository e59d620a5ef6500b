import { CapError } from '../../contract/errors.ts';

const NEWLINE = 10;

/**
 * The lines of an NDJSON file, whole and without their ends.
 * @throws CapError RESULT_TOO_LARGE for one that no message can hold
 */
export async function* linesOf(
	bytes: AsyncIterable<Uint8Array>,
	maxBytes: number,
): AsyncGenerator<Buffer[]> {
	let rest = Buffer.alloc(0);
	let number = 0;
	for await (const chunk of bytes) {
		let data = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
		const lines: Buffer[] = [];
		for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
			if (end > maxBytes) throw rowTooLarge(number + lines.length + 1, maxBytes);
			if (end > 0) lines.push(data.subarray(0, end));
			data = data.subarray(end + 1);
		}
		if (data.length > maxBytes) throw rowTooLarge(number + lines.length + 1, maxBytes);
		rest = data;
		number += lines.length;
		if (lines.length > 0) yield lines;
	}
	if (rest.length > 0) yield [rest];
}

function rowTooLarge(number: number, maxBytes: number): CapError {
	return new CapError('RESULT_TOO_LARGE', `row ${number} is larger than ${maxBytes} bytes`);
}
