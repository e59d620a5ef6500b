import { CapError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/json.ts';
import { cellText } from '../shared/cell-text.ts';
import { exactNumber } from '../shared/exact-json.ts';
import type { Part } from './compile.ts';

/** What a name means within a section. `text`: how the value is written, where that is its own matter. */
export interface Found {
	value: JsonValue | undefined;
	text?: string;
}

/** Looks a name up; undefined where it is none of its own, and the section around is asked. */
export type Scope = (name: string) => Found | undefined;

/** Parts that one row may take, and each of many on average: lists in lists of lists would take for ever. */
const STEPS_A_ROW = 200_000;
const STEPS_ON_AVERAGE = 5_000;
/** Characters of what one row becomes. */
const MAX_TEXT = 8 * 1024 * 1024;

/** The name of the whole value that a section is about. */
const SELF = '.';

/** Counts what is done, and stops what would go on too long. */
export class Renderer {
	readonly #escape: (text: string) => string;
	#steps = 0;
	#rows = 0;

	constructor(escape: (text: string) => string) {
		this.#escape = escape;
	}

	/** What parts become. One call a row: the budget is its. @throws CapError FORMAT_UNSUITABLE beyond it */
	text(parts: readonly Part[], scopes: readonly Scope[]): string {
		this.#rows += 1;
		const limit = Math.min(
			this.#steps + STEPS_A_ROW,
			STEPS_A_ROW * 10 + STEPS_ON_AVERAGE * this.#rows,
		);
		return this.#parts(parts, scopes, { limit, left: MAX_TEXT });
	}

	#parts(
		parts: readonly Part[],
		scopes: readonly Scope[],
		budget: { limit: number; left: number },
	): string {
		let text = '';
		for (const part of parts) {
			this.#steps += 1;
			if (this.#steps > budget.limit || budget.left < 0) throw tooMuch();
			const written = this.#part(part, scopes, budget);
			// what a section holds was counted within it
			if (part.kind !== 'section') budget.left -= written.length;
			text += written;
		}
		return text;
	}

	#part(part: Part, scopes: readonly Scope[], budget: { limit: number; left: number }): string {
		if (part.kind === 'text') return part.text;
		const found = lookUp(part.name, scopes);
		if (part.kind === 'value') {
			const text = found?.text ?? cellText(found?.value);
			return part.escaped ? this.#escape(text) : text;
		}
		const value = found?.value;
		if (part.inverted) return isNothing(value) ? this.#parts(part.parts, scopes, budget) : '';
		if (isNothing(value)) return '';
		const items = Array.isArray(value) ? value : [value];
		let text = '';
		for (const item of items) text += this.#parts(part.parts, [...scopes, scopeOf(item)], budget);
		return text;
	}
}

function tooMuch(): CapError {
	return new CapError(
		'FORMAT_UNSUITABLE',
		'options.template: expected less to do for each row: lists within lists take too long or become too large',
	);
}

/** From the innermost section outwards: the whole name, else its first word and then the fields below it. */
function lookUp(name: string, scopes: readonly Scope[]): Found | undefined {
	for (let at = scopes.length - 1; at >= 0; at--) {
		const scope = scopes[at]!;
		const whole = scope(name);
		if (whole !== undefined) return whole;
		const dot = name.indexOf('.');
		if (dot <= 0) continue;
		const first = scope(name.slice(0, dot));
		if (first !== undefined) return { value: fieldOf(first.value, name.slice(dot + 1).split('.')) };
	}
	return undefined;
}

/** Own fields only: what every object inherits is nobody's data. */
function fieldOf(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
	let found = value;
	for (const key of path) {
		if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
		found = (found as Record<string, JsonValue>)[key];
	}
	return found;
}

export function scopeOf(value: JsonValue): Scope {
	return (name) => {
		if (name === SELF) return { value };
		if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
		return Object.hasOwn(value, name) ? { value: value[name] } : undefined;
	};
}

function isNothing(
	value: JsonValue | undefined,
): value is null | undefined | false | '' | 0 | never[] {
	if (value == null || value === false || value === '' || value === 0) return true;
	if (Array.isArray(value)) return value.length === 0;
	return exactNumber(value) === '0';
}
