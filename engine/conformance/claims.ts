import assert from 'node:assert/strict';

/* Jest runs tests in a realm of their own, where a list from Node is no list of theirs: values are compared as JSON. */

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

export function claimSame(actual: unknown, expected: unknown): void {
	assert.deepEqual(plain(actual), plain(expected));
}

/** That it has these fields at least; also when it is an error. */
export function claimHas(actual: unknown, expected: Readonly<Record<string, unknown>>): void {
	const seen = Object.keys(expected).map((key) => {
		const value = (actual as Record<string, unknown> | null | undefined)?.[key];
		return [key, value] as const;
	});
	for (const [key, value] of seen) {
		const wanted = expected[key];
		const isObject = typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted);
		if (isObject) claimHas(value, wanted as Record<string, unknown>);
		else assert.deepEqual(plain(value), plain(wanted), `${key} of ${JSON.stringify(actual)}`);
	}
}
