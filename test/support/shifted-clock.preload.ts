/*
 * Loaded before an engine (`node --import`): its machine's clock is off by CAPSCHEDULER_TEST_CLOCK_SHIFT milliseconds. Only
 * what tells the time of day is shifted; clocks that only run, and timers, are as they are.
 */
const shift = Number(process.env['CAPSCHEDULER_TEST_CLOCK_SHIFT'] ?? 0);
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
