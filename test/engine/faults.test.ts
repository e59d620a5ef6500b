import { expect, it, jest } from '@jest/globals';

import { createFaults } from '../../engine/faults.ts';

it('does nothing where nothing was asked for', () => {
	expect(() => {
		createFaults(undefined).hit('commit.before');
	}).not.toThrow();
});

it('acts at the n-th hit of its point, and only then', () => {
	const perform = { kill: jest.fn(), hang: jest.fn() };
	const faults = createFaults('a.b:2:kill, a.b:3:hang,c:1:throw', perform);
	faults.hit('a.b');
	expect(perform.kill).not.toHaveBeenCalled();
	faults.hit('a.b');
	expect(perform.kill).toHaveBeenCalledTimes(1);
	faults.hit('a.b');
	faults.hit('a.b');
	expect(perform.kill).toHaveBeenCalledTimes(1);
	expect(perform.hang).toHaveBeenCalledTimes(1);
	expect(() => {
		faults.hit('c');
	}).toThrow('injected fault at c:1');
});

it.each(['x', 'x:1', 'x:0:kill', 'x:1:explode', ':1:kill', 'x:1:kill,'])('refuses "%s"', (spec) => {
	expect(() => createFaults(spec)).toThrow('expected <point>:<n>:kill|hang|throw');
});
