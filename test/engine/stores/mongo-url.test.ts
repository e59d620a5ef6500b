import { describe, expect, it } from '@jest/globals';

import { CapError } from '../../../engine/contract/errors.ts';
import { createDatabase } from '../../../engine/stores/mongo/database.ts';

function refusalOf(url: string): CapError {
	try {
		createDatabase(url);
	} catch (error) {
		if (error instanceof CapError) return error;
		throw error;
	}
	throw new Error('it was taken');
}

describe('the URL of a MongoDB', () => {
	it.each([
		['mongodb://user:s3c@ret@host/db', 'something that cannot be read'],
		['mongodb://user:s3cr/et@host/db', 'something that cannot be read'],
		['mongodb://user:s3c%ret@host/db', 'something that cannot be read'],
		['mongodb://user:s3cret@host:99999999/db', 'something that cannot be read'],
		['mongodb://user:s3cret@host/db?foo=1', 'option foo is not supported'],
	])('%s is refused by the name of its setting, and not shown', (url, received) => {
		const { code, message } = refusalOf(url);
		expect(code).toBe('INVALID_REQUEST');
		expect(message).toContain('CAPSCHEDULER_STORE: expected mongodb://user:password@host:port');
		expect(message).toContain(received);
		expect(message).not.toMatch(/s3c/);
	});
});
