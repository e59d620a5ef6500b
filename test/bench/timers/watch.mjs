/*
 * What every contestant of w2 does with a fire: notes of which schedule and instant it was, and how late.
 * Plain JavaScript, so that peers that are no part of the type check use it too.
 */

import { quantile } from '../report.ts';

/** The pattern of the schedule with that number: `3-59/10 * * * * *` is due at 3, 13, 23 ... seconds. */
export function patternOf(index, period) {
	return `${index % period}-59/${period} * * * * *`;
}

/** The first instant that counts: on a whole period, and far enough away to begin in peace. */
export function beginning(period, within = 5000) {
	const step = period * 1000;
	return Math.ceil((Date.now() + within) / step) * step;
}

export class Watch {
	#from;
	#period;
	#schedules;
	#times;
	#lateness = [];
	#seen = new Map();
	#early = 0;

	constructor({ schedules, period, seconds }, from) {
		this.#from = from;
		this.#period = period;
		this.#schedules = schedules;
		this.#times = seconds / period;
	}

	/** @param nominal milliseconds; undefined: the instant of its pattern that is nearest to now */
	fired(index, nominal) {
		const now = Date.now();
		const step = this.#period * 1000;
		const phase = this.#from + (index % this.#period) * 1000;
		const turn = Math.round(((nominal ?? now) - phase) / step);
		if (turn < 0 || turn >= this.#times) return;
		const late = now - (phase + turn * step);
		if (late < 0) this.#early++;
		this.#lateness.push(late);
		const key = index * this.#times + turn;
		this.#seen.set(key, (this.#seen.get(key) ?? 0) + 1);
	}

	get complete() {
		return this.#seen.size >= this.#schedules * this.#times;
	}

	/** Until everything came, or so long after the last instant that it never will. */
	async over(seconds, patience = 15_000) {
		const last = this.#from + seconds * 1000;
		while (Date.now() < last || (!this.complete && Date.now() < last + patience)) {
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}

	report() {
		const sorted = this.#lateness.sort((a, b) => a - b);
		const twice = [...this.#seen.values()].filter((count) => count > 1).length;
		return {
			fires: sorted.length,
			p50: quantile(sorted, 0.5),
			p99: quantile(sorted, 0.99),
			most: sorted.at(-1) ?? 0,
			early: this.#early,
			missed: this.#schedules * this.#times - this.#seen.size,
			doubled: twice,
			wrong: [],
		};
	}
}
