import { CapError } from '../../contract/errors.ts';
import type { FormatInput } from '../format.port.ts';

/** @throws CapError FORMAT_UNSUITABLE when the result is bytes that are no rows */
export function demandRows(
	input: Pick<FormatInput, 'binary' | 'contentType'>,
	format: string,
): void {
	if (!input.binary) return;
	throw new CapError(
		'FORMAT_UNSUITABLE',
		`format: ${format} takes rows, the result is ${input.contentType}; use "raw"`,
	);
}
