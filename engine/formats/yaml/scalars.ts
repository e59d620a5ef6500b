import type { JsonValue } from '../../contract/json.ts';
import { exactNumber } from '../shared/exact-json.ts';

/** Texts that no version of YAML takes for anything else; everything but them stands in quotes. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*$/;
const WORDS = /^(?:y|n|yes|no|true|false|on|off|null|nan|inf)$/i;

/** What JSON writes as it is and YAML does not print, and halves of characters. */
const UNPRINTABLE =
	/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const hex = (character: string): string =>
	`\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A text on one line: plain where nobody can misread it, else in double quotes, as JSON writes it. */
export function yamlText(text: string): string {
	if (text.length <= 200 && PLAIN.test(text) && !WORDS.test(text)) return text;
	return JSON.stringify(text).replace(UNPRINTABLE, hex);
}

/** Longer ones are no keys to a reader that looks for the colon: they are said to be such by `? `. */
export const MAX_KEY = 800;

/** `1e308` is a text to readers of YAML 1.1, which want a point in it, and a sign behind the letter. */
function yamlNumber(digits: string): string {
	return digits.replace(/^(-?\d+)(?=[eE])/, '$1.0').replace(/([eE])(?=\d)/, '$1+');
}

/** Any value on one line: lists and objects in the flow style, which JSON nearly is. */
export function yamlValue(value: JsonValue): string {
	switch (typeof value) {
		case 'string':
			return yamlText(value);
		case 'number':
			return yamlNumber(String(value));
		case 'boolean':
			return String(value);
		default: {
			if (value === null) return 'null';
			const digits = exactNumber(value);
			if (digits !== undefined) return yamlNumber(digits);
			if (Array.isArray(value)) return `[${value.map(yamlValue).join(', ')}]`;
			const fields = Object.entries(value).map(([key, item]) => {
				const name = yamlText(key);
				return `${name.length > MAX_KEY ? '? ' : ''}${name}: ${yamlValue(item)}`;
			});
			return `{${fields.join(', ')}}`;
		}
	}
}
