import type { RuleInput } from '../../contract/timing.ts';
import type { EnglishRule } from './english-compile.ts';
import { compileDraft } from './english-compile.ts';
import { draftOf } from './english-draft.ts';
import { notUnderstood, splitZone, tokensOf } from './english-words.ts';
import type { LocalMillis } from './local-time.ts';
import { readPeriod } from './months.ts';
import { canonicalRrule, parseRrule } from './rrule.ts';
import { afterWord, readSpokenDuration } from './short-forms.ts';

/** What a sentence was understood as. */
export interface English {
	rules: EnglishRule[];
	/** As written, if the sentence names one. */
	zone?: string;
	/** What was assumed, for people. */
	notes: string[];
}

const MAX_LENGTH = 200;
const CRON_FIELD = /^[\d*,/~?LWH#-]+$/;

/** Neither fields of cron, `@daily`, nor a short form like `every 15m` and `every month`. */
export function isSentence(text: string): boolean {
	const start = text.trim().split(/\s+/).slice(0, 2);
	if (text.trim().startsWith('@') || start.every((word) => CRON_FIELD.test(word))) return false;
	const words = afterWord('every', text);
	if (words === undefined) return true;
	return readSpokenDuration(words) === undefined && readPeriod(words) === undefined;
}

/**
 * Reads a sentence of the grammar in `docs/timing-english.md`.
 * @throws CapError INVALID_TIMING; what may be read in two ways is refused with both
 */
export function readEnglish(text: string): English {
	if (text.length > MAX_LENGTH) {
		throw notUnderstood(`at most ${MAX_LENGTH} characters`, `${text.length}`);
	}
	const { rest, zone } = splitZone(text);
	const draft = draftOf(tokensOf(rest), text.trim());
	const rules = compileDraft(draft, text.trim());
	return { rules, ...(zone === undefined ? {} : { zone }), notes: draft.notes };
}

/**
 * The rules as `timing` has them. What counts days, weeks or months begins with the first that fits from the
 * local time `begin` on; several times of a day count together.
 */
export function rulesOfEnglish({ rules }: English, begin: LocalMillis): RuleInput[] {
	const firsts = rules.flatMap(({ rrule, interval }) =>
		rrule === undefined || interval === 1 ? [] : [firstOf(rrule, begin)],
	);
	const start = firsts.length === 0 ? undefined : stamp(Math.min(...firsts));
	return rules.map(({ cron, rrule = '', interval }) => {
		if (cron !== undefined) return { cron };
		if (interval === 1 || start === undefined) return { rrule };
		return { rrule: `DTSTART:${start}\nRRULE:${rrule};INTERVAL=${interval}` };
	});
}

function firstOf(rrule: string, begin: LocalMillis): LocalMillis {
	const text = canonicalRrule(rrule, 'frequency', begin).rrule;
	const found = parseRrule(text).series[0]?.series.next(begin, Number.MAX_SAFE_INTEGER / 1000);
	return found ?? begin;
}

function stamp(local: LocalMillis): string {
	return new Date(local).toISOString().slice(0, 19).replace(/[-:]/g, '');
}
