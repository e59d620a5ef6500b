import { cellText } from './cell-text.ts';
import type { ColumnType, DeclaredType } from './column-type.ts';
import type { Cell } from './columns.ts';
import { plainDigits } from './decimal.ts';
import { exactNumber } from './exact-json.ts';
import { isDuration, isTimeOfDay, momentKind } from './moments.ts';

/** How far texts are read: `moments` dates and instants, `all` also numbers and booleans, `none` nothing. */
export type TextReading = 'none' | 'moments' | 'all';

/** Kinds of values, a bit each: a column collects those of its cells. */
const KIND = {
	text: 1,
	boolean: 2,
	integer: 4,
	bigint: 8,
	number: 16,
	decimal: 32,
	json: 64,
	date: 128,
	datetime: 256,
	instant: 512,
	integerText: 1024,
	bigintText: 2048,
	decimalText: 4096,
	booleanText: 8192,
} as const;
const MOMENTS = KIND.date | KIND.datetime | KIND.instant;
const NUMBER_TEXTS = KIND.integerText | KIND.bigintText | KIND.decimalText;
const TEXTS = KIND.text | MOMENTS | NUMBER_TEXTS | KIND.booleanText;
const NUMBERS = KIND.integer | KIND.bigint | KIND.number | KIND.decimal;
const EXACT = KIND.bigint | KIND.decimal | NUMBER_TEXTS;

/** The kinds that a declared type takes as they are. */
const TAKES: Readonly<Record<ColumnType, number>> = {
	string: TEXTS,
	boolean: KIND.boolean | KIND.booleanText,
	integer: KIND.integer | KIND.integerText,
	bigint: KIND.integer | KIND.bigint | KIND.integerText | KIND.bigintText,
	decimal: NUMBERS | NUMBER_TEXTS,
	number: KIND.integer | KIND.number,
	date: KIND.date,
	datetime: KIND.datetime,
	instant: KIND.instant,
	time: TEXTS,
	duration: TEXTS,
	binary: TEXTS,
	json: -1,
	mixed: -1,
};

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Texts that only a declaration makes more than texts. */
const FORMS: Partial<Record<ColumnType, (text: string) => boolean>> = {
	time: isTimeOfDay,
	duration: isDuration,
	binary: (text) => BASE64.test(text),
};

/** As a program writes numbers: `007`, `+49` and `1e5` are codes until somebody says otherwise. */
const INTEGER_TEXT = /^(?:0|-?[1-9]\d{0,37})$/;
const NINE = 0x39;
const DECIMAL_TEXT = /^-?(?:0|[1-9]\d{0,37})\.\d{1,37}$/;
/** Beyond, writing the digits out would be an attack and no number. */
const MAX_EXPONENT = 4000;

function textKind(text: string, reading: TextReading): number {
	if (reading === 'none') return KIND.text;
	// no number and no moment begins with a letter: most texts end here
	if (text.charCodeAt(0) > NINE) {
		return reading === 'all' && (text === 'true' || text === 'false')
			? KIND.booleanText
			: KIND.text;
	}
	const moment = momentKind(text);
	if (moment !== undefined) return KIND[moment];
	if (reading === 'moments') return KIND.text;
	if (INTEGER_TEXT.test(text)) {
		return Number.isSafeInteger(Number(text)) ? KIND.integerText : KIND.bigintText;
	}
	if (DECIMAL_TEXT.test(text)) return KIND.decimalText;
	return KIND.text;
}

function exactKind(digits: string): number {
	if (/^-?\d+$/.test(digits)) return KIND.bigint;
	const exponent = Number(/[eE](.*)$/.exec(digits)?.[1] ?? 0);
	return Math.abs(exponent) <= MAX_EXPONENT ? KIND.decimal : KIND.text | KIND.json;
}

function kindOf(value: NonNullable<Cell>, reading: TextReading): number {
	switch (typeof value) {
		case 'string':
			return textKind(value, reading);
		case 'number':
			return Number.isSafeInteger(value) ? KIND.integer : KIND.number;
		case 'boolean':
			return KIND.boolean;
		default: {
			const digits = exactNumber(value);
			return digits === undefined ? KIND.json : exactKind(digits);
		}
	}
}

/** What values of these kinds are together, with nothing lost of any of them. */
function typeOf(kinds: number): ColumnType {
	const only = (taken: number): boolean => (kinds & ~taken) === 0;
	if (kinds === 0) return 'string';
	if (only(TEXTS)) {
		if (only(KIND.date)) return 'date';
		if (only(KIND.datetime)) return 'datetime';
		if (only(KIND.instant)) return 'instant';
		if (only(KIND.booleanText)) return 'boolean';
		if (only(KIND.integerText)) return 'integer';
		if (only(KIND.integerText | KIND.bigintText)) return 'bigint';
		return only(NUMBER_TEXTS) ? 'decimal' : 'string';
	}
	if (only(KIND.boolean)) return 'boolean';
	if (only(KIND.json)) return 'json';
	if (only(KIND.integer)) return 'integer';
	if (only(KIND.integer | KIND.bigint)) return 'bigint';
	if (only(KIND.integer | KIND.number)) return 'number';
	return only(NUMBERS) ? 'decimal' : 'mixed';
}

/** How far the texts of a column have to be read to know whether they are what was declared. */
function readingFor(declared: DeclaredType | undefined, otherwise: TextReading): TextReading {
	const type = declared?.types[0];
	if (type === undefined) return otherwise;
	if ((TAKES[type] & (NUMBER_TEXTS | KIND.booleanText)) === 0) return 'moments';
	return TAKES[type] === TEXTS || TAKES[type] === -1 ? 'none' : 'all';
}

export interface ColumnFactsOptions {
	declared: DeclaredType | undefined;
	reading: TextReading;
	/** Whether to measure how long cells are as text. */
	lengths: boolean;
}

/** What one column holds, learnt cell by cell in constant memory. */
export class ColumnFacts {
	/** Characters of the longest cell as text; 0 unless lengths were asked for. */
	longest = 0;
	/** Least and greatest of JSON's numbers; Infinity and -Infinity where there is none. */
	least = Infinity;
	greatest = -Infinity;
	#values = 0;
	/** Empty texts where texts are read for what they are: an empty cell of a CSV file. */
	#blanks = 0;
	#kinds = 0;
	#wholeDigits = 0;
	#scale = 0;
	/** Whether all whole numbers fit into a signed integer of 64 bits. */
	fitsInt64 = true;
	#isOfForm = true;
	readonly #declared: DeclaredType | undefined;
	readonly #reading: TextReading;
	readonly #lengths: boolean;
	readonly #form: ((text: string) => boolean) | undefined;

	constructor({ declared, reading, lengths }: ColumnFactsOptions) {
		this.#declared = declared;
		this.#reading = readingFor(declared, reading);
		this.#lengths = lengths;
		this.#form = declared && FORMS[declared.types[0]!];
	}

	add(value: Cell): void {
		if (value == null) return;
		if (value === '' && this.#reading === 'all') {
			this.#blanks += 1;
			return;
		}
		this.#values += 1;
		const kind = kindOf(value, this.#reading);
		this.#kinds |= kind;
		if (typeof value === 'number') {
			if (value < this.least) this.least = value;
			if (value > this.greatest) this.greatest = value;
		} else if ((kind & EXACT) !== 0) {
			this.#addDigits(typeof value === 'string' ? value : exactNumber(value)!);
		} else if (this.#form !== undefined) {
			this.#isOfForm &&= typeof value === 'string' && this.#form(value);
		}
		if (this.#lengths) this.longest = Math.max(this.longest, cellText(value).length);
	}

	/** The declared type where all values fit it, else what all of them are. */
	get type(): ColumnType {
		return this.fittingType ?? typeOf(this.#kinds);
	}

	/** The declared type, or undefined where none was declared or a value is no such thing. */
	get fittingType(): ColumnType | undefined {
		if (!this.#isOfForm) return undefined;
		return this.#declared?.types.find((type) => (this.#kinds & ~TAKES[type]) === 0);
	}

	/** How many cells hold something; an empty text of a text column counts. */
	get values(): number {
		return this.type === 'string' ? this.#values + this.#blanks : this.#values;
	}

	/** Digits of a decimal, in all and after the point; undefined where doubles hide them. */
	get digits(): { precision: number; scale: number } | undefined {
		const { precision, scale = 0 } = this.#declared ?? {};
		if (precision !== undefined) {
			const fit = this.#scale <= scale && this.#wholeDigits <= precision - scale;
			if (fit) return { precision, scale };
		}
		if ((this.#kinds & KIND.number) !== 0) return undefined;
		const whole = Math.max(wholeDigits(this.least), wholeDigits(this.greatest), this.#wholeDigits);
		return { precision: Math.max(1, whole + this.#scale), scale: this.#scale };
	}

	#addDigits(text: string): void {
		const [whole = '', fraction = ''] = plainDigits(text).replace('-', '').split('.');
		this.#wholeDigits = Math.max(this.#wholeDigits, whole === '0' ? 0 : whole.length);
		this.#scale = Math.max(this.#scale, fraction.length);
		if (whole.length >= INT64_DIGITS && fraction === '') this.fitsInt64 &&= isInt64(text);
	}
}

const wholeDigits = (value: number): number =>
	Number.isFinite(value)
		? plainDigits(String(Math.trunc(Math.abs(value)))).replace(/^0$/, '').length
		: 0;

/** Shorter ones fit in any case. */
const INT64_DIGITS = 19;

function isInt64(text: string): boolean {
	const value = BigInt(plainDigits(text));
	return BigInt.asIntN(64, value) === value;
}
