import { describe, expect, it } from '@jest/globals';

import type { Clock } from '../../../engine/clock.ts';
import { createServerClock } from '../../../engine/stores/shared/server-clock.ts';

interface Machine extends Clock {
	wall: number;
	ticks: number;
}

function machineAt(wall: number): Machine {
	const machine: Machine = {
		wall,
		ticks: 500,
		now: () => machine.wall,
		monotonic: () => machine.ticks,
		after: () => () => undefined,
	};
	return machine;
}

describe('the clock that engines share', () => {
	const SERVER = 1_800_000;

	it('is the machine clock until it has asked, then that of the server', async () => {
		const machine = machineAt(0);
		const clock = createServerClock(machine);
		expect(clock.now()).toBe(0);
		await clock.sync(async () => Promise.resolve(SERVER));
		expect(clock.now()).toBe(SERVER);
		expect(clock.ahead).toBe(SERVER);
	});

	it('goes on by the monotonic clock, however the clock of the machine jumps', async () => {
		const machine = machineAt(0);
		const clock = createServerClock(machine);
		await clock.sync(async () => Promise.resolve(SERVER));
		machine.ticks += 250;
		machine.wall -= 3_600_000;
		expect(clock.now()).toBe(SERVER + 250);
	});

	it('trusts the fastest of its questions, and takes half of the way for the answer', async () => {
		const machine = machineAt(0);
		const clock = createServerClock(machine);
		const ways = [300, 20, 100];
		await clock.sync(() => {
			const way = ways.shift() ?? 0;
			const at = SERVER + machine.ticks + way / 2;
			machine.ticks += way;
			return Promise.resolve(at);
		});
		expect(clock.uncertainty).toBe(10);
		expect(clock.now()).toBe(SERVER + machine.ticks);
	});

	it('does not go back for what lies within the uncertainty, and follows what does not', async () => {
		const machine = machineAt(0);
		const clock = createServerClock(machine);
		await clock.sync(async () => Promise.resolve(SERVER));
		await clock.sync(async () => Promise.resolve(SERVER - 1));
		expect(clock.now()).toBe(SERVER);
		await clock.sync(async () => Promise.resolve(SERVER - 50));
		expect(clock.now()).toBe(SERVER - 50);
	});

	it('stays as it is when the server cannot be asked', async () => {
		const clock = createServerClock(machineAt(0));
		await clock.sync(async () => Promise.resolve(SERVER));
		await expect(clock.sync(async () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
		expect(clock.now()).toBe(SERVER);
	});
});
