/*
 * Loaded before an engine (`node --import`): its machine's clock is off by CAPSCHEDULER_TEST_CLOCK_SHIFT milliseconds. Only
 * what tells the time of day is shifted; clocks that only run, and timers, are as they are. With each SIGUSR2 it jumps: half an
 * hour ahead, an hour back, and half an hour ahead again, where it was.
 */
const JUMPS = [1_800_000, -3_600_000, 1_800_000];
let shift = Number(process.env['CAPSCHEDULER_TEST_CLOCK_SHIFT'] ?? 0);
let jumps = 0;
process.on('SIGUSR2', () => {
	shift += JUMPS[jumps++ % JUMPS.length] ?? 0;
});
const RealDate = Date;

class ShiftedDate extends RealDate {
	constructor(...values: unknown[]) {
		if (values.length === 0) super(RealDate.now() + shift);
		else super(...(values as [number]));
	}
	static override now(): number {
		return RealDate.now() + shift;
	}
}

globalThis.Date = ShiftedDate as DateConstructor;
