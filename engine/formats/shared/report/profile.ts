import { cellText } from '../cell-text.ts';
import type { Cell } from '../columns.ts';
import { epochMillis, momentKind } from '../moments.ts';

/** Also numbers that came as text, as in CSV; but `007` is a code and stays text. */
const NUMERIC = /^-?(?:0|[1-9]\d{0,37})(?:\.\d{1,37})?$/;
const NINE = 0x39;
/** As many as a double ever shows. */
const MAX_DECIMALS = 17;
/** Between these, digits are written without an exponent. */
const PLAIN_BEGIN = 1e-6;
const PLAIN_END = 1e21;
/** Of doubles below, two digits after the point are exact: 15 digits in all. */
export const HUNDREDTHS_END = 1e13;
/** Characters of a long cell that are kept to see how wide it is. */
const SAMPLE = 200;

/** What the cells of one column are together, learnt cell by cell in constant memory. */
export class ColumnProfile {
	filled = 0;
	/** Least and greatest number or moment, as it came. */
	least: Cell;
	greatest: Cell;
	/** Digits after the point that the column needs. */
	decimals = 0;
	/** Characters of the longest cell, of its part before the point, and how it begins. */
	longest = 0;
	longestWhole = 0;
	sample = '';
	#leastNumber = Infinity;
	#greatestNumber = -Infinity;
	#sum = 0;
	#lost = 0;
	#exact = true;
	/** Whether each number was one more than the one before: row numbers, ids. */
	#counting = true;
	#last: number | undefined;
	#numbers = 0;
	#leastMoment: string | number | undefined;
	#greatestMoment: string | number | undefined;

	add(value: Cell): void {
		if (value == null || value === '') return;
		this.filled += 1;
		if (typeof value === 'boolean') {
			this.longest = Math.max(this.longest, 5);
		} else if (typeof value === 'number') {
			this.#addNumber(value, value);
			if (!this.#hasRoomFor(value)) this.#measureNumber(String(value));
		} else {
			const text = cellText(value);
			if (text.charCodeAt(0) <= NINE && NUMERIC.test(text)) {
				this.#addNumber(value, Number(text));
				this.#measureNumber(text);
			} else {
				this.#measure(text);
				if (typeof value === 'string' && text.length <= 40) this.#addMoment(text);
			}
		}
	}

	/** Whether digits are parted in groups: not those of years and row numbers. */
	get grouping(): boolean {
		return !this.isOrdinal && Math.max(-this.#leastNumber, this.#greatestNumber) >= 10_000;
	}

	/** The sum and the mean where they mean something: not of row numbers, years or inexact giants. */
	get totals(): { sum: number; mean: number } | undefined {
		if (this.#numbers === 0 || this.#numbers < this.filled || !this.#exact || this.isOrdinal) {
			return undefined;
		}
		const sum = this.#sum + this.#lost;
		return Number.isFinite(sum) ? { sum, mean: sum / this.filled } : undefined;
	}

	/** Row numbers, ids that count, and years. */
	get isOrdinal(): boolean {
		const years = this.decimals === 0 && this.#leastNumber >= 1900 && this.#greatestNumber <= 2100;
		return years || (this.#counting && this.#numbers > 2);
	}

	#addNumber(value: Cell, number: number): void {
		this.#numbers += 1;
		if (!Number.isSafeInteger(number) && Number.isInteger(number)) this.#exact = false;
		if (number < this.#leastNumber) [this.#leastNumber, this.least] = [number, value];
		if (number > this.#greatestNumber) [this.#greatestNumber, this.greatest] = [number, value];
		this.#counting &&= this.#last === undefined || number === this.#last + 1;
		this.#last = number;
		// Neumaier's sum: what the addition rounds away is kept beside
		const sum = this.#sum + number;
		this.#lost +=
			Math.abs(this.#sum) >= Math.abs(number) ? this.#sum - sum + number : number - sum + this.#sum;
		this.#sum = sum;
	}

	#measure(text: string): void {
		if (text.length <= this.longest) return;
		this.longest = text.length;
		this.sample = text.slice(0, SAMPLE);
	}

	#measureNumber(text: string): void {
		this.#measure(text);
		const decimals = decimalsOf(text);
		this.decimals = Math.max(this.decimals, Math.min(decimals, MAX_DECIMALS));
		this.longestWhole = Math.max(this.longestWhole, text.length - (decimals && decimals + 1));
	}

	/**
	 * Whether a number is no longer than those before it, in any part: then it need not be written out, which
	 * is most of what a column of doubles costs. False also where that would take longer to find out.
	 */
	#hasRoomFor(value: number): boolean {
		const size = Math.abs(value);
		if (size >= PLAIN_END) return false;
		const sign = value < 0 ? 1 : 0;
		let digits = 1;
		for (let power = 10; power <= size; power *= 10) digits += 1;
		const whole = sign + digits;
		if (whole > this.longestWhole) return false;
		if (Number.isInteger(size)) return whole <= this.longest;
		if (Math.round(size * 100) / 100 === size && size < HUNDREDTHS_END) {
			return this.decimals >= 2 && whole + 3 <= this.longest;
		}
		// a double has 17 digits at most, behind up to five zeros after the point
		if (size < 1) return size >= PLAIN_BEGIN && this.decimals >= MAX_DECIMALS && this.longest >= 25;
		return this.decimals >= 17 - digits && this.longest >= 18 + sign;
	}

	/** Instants of different zones are compared by when they are, everything else as it is written. */
	#addMoment(text: string): void {
		const zoned = text.charCodeAt(0) <= NINE && momentKind(text) === 'instant';
		const key = zoned ? epochMillis(text) : text;
		if (this.#leastMoment === undefined || key < this.#leastMoment) {
			[this.#leastMoment, this.least] = [key, text];
		}
		if (this.#greatestMoment === undefined || key > this.#greatestMoment) {
			[this.#greatestMoment, this.greatest] = [key, text];
		}
	}
}

export function decimalsOf(text: string): number {
	const point = text.indexOf('.');
	return point < 0 || text.includes('e') ? 0 : text.length - point - 1;
}
