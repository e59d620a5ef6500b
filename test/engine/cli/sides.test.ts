import { describe, expect, it } from '@jest/globals';

import { readNamed } from '../../../engine/cli/sides.ts';

describe('the name of a store', () => {
	it.each([
		['sqlite', 'sqlite:/data'],
		['sqlite:/other', 'sqlite:/other'],
		['postgres://cap:secret@db:5432/cap', 'postgres://db:5432/cap'],
		['postgres://cap:se@cret@db/cap?schema=two', 'postgres://db/cap?schema=two'],
		['mongodb://cap:se?c@ret@one,two/cap?replicaSet=r', 'mongodb://one,two/cap'],
	])('of %s shows no login', (text, name) => {
		expect(readNamed(text, '/data').name).toBe(name);
	});
});
