import type { TimeOfDay, Token, Unit } from './english-words.ts';

/** What a sentence says, clause by clause, before it is known whether the clauses fit together. */
export interface Draft {
	/** `every 2 weeks`: what is counted, and how many. */
	unit?: Unit;
	interval: number;
	/** Sunday is 0. */
	weekdays: number[];
	/** `first Monday`, `last working day`, of the month unless `span` says otherwise. */
	ordinals: { nth: number; of: readonly number[] | 'day' }[];
	monthDays: number[];
	/** `24 December`. */
	dates: { month: number; day: number }[];
	months: number[];
	span?: 'month' | 'quarter' | 'year';
	times: TimeOfDay[];
	/** `at :15`, minutes of every hour. */
	offsets: number[];
	window?: { from: TimeOfDay; to: TimeOfDay };
	except: number[];
	/** `twice a day`. */
	timesADay?: number;
	notes: string[];
}

/** The sentence, and how far it is read. */
export interface Reader {
	tokens: readonly Token[];
	at: number;
	whole: string;
	draft: Draft;
}

export function peek({ tokens, at }: Reader, ahead = 0): string {
	return tokens[at + ahead]?.text ?? '';
}

export function take(reader: Reader, ...words: string[]): boolean {
	if (!words.includes(peek(reader))) return false;
	reader.at++;
	return true;
}

/** Reads one thing after another for as long as they come, with or without `and` between. */
export function takeList<T>(reader: Reader, one: (reader: Reader) => T | undefined): T[] {
	const list: T[] = [];
	for (;;) {
		const start = reader.at;
		while (list.length > 0 && take(reader, 'and'));
		const item = one(reader);
		if (item === undefined) {
			reader.at = start;
			return list;
		}
		list.push(item);
	}
}

export function takeNamed<T>(
	reader: Reader,
	named: (word: string) => T | undefined,
): T | undefined {
	const found = named(peek(reader));
	if (found !== undefined) reader.at++;
	return found;
}
