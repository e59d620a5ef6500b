import type { OutputUnit, Validator } from '@cfworker/json-schema';

import type { JsonObject } from '../contract/json.ts';

/** What is compared of errors grows with their square, so that only the first are kept. */
const MOST_ERRORS = 200;

/** `null` when the schema cannot be applied to the value: it is too deep, or its regular expression too large. */
export function schemaErrors(validator: Validator, value: JsonObject): OutputUnit[] | null {
	try {
		const { valid, errors } = validator.validate(value);
		return valid ? [] : errors.slice(0, MOST_ERRORS);
	} catch {
		return null;
	}
}
