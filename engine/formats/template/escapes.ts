import { guardFormula } from '../shared/formula-guard.ts';

/** How `{{value}}` is written into the file, by what the file is; `{{{value}}}` and `{{&value}}` are written as they are. */
export const ESCAPES = {
	none: (text: string) => text,
	html: (text: string) => text.replace(/[&<>"'`]/g, (found) => `&#${found.charCodeAt(0)};`),
	/** As HTML; what XML cannot hold is left out. */
	xml: (text: string) =>
		text
			// eslint-disable-next-line no-control-regex
			.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
			.replace(/[&<>"'\r]/g, (found) => `&#${found.charCodeAt(0)};`),
	/** Within the quotes of a JSON string, which the template has. */
	json: (text: string) => JSON.stringify(text).slice(1, -1),
	/** A cell, in quotes where it needs them, and never a formula. */
	csv: (text: string) => {
		const safe = guardFormula(text);
		return /[",;\t\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
	},
	url: (text: string) => encodeURIComponent(text.toWellFormed()),
	/** ISO 9735: `?` before the separators, and before itself. */
	edifact: (text: string) => text.replace(/[?+:']/g, '?$&'),
	/** Separators cannot be escaped in ANSI X12: blanks stand for the usual ones and for breaks of lines. */
	x12: (text: string) => text.replace(/[*~:^>|\r\n]/g, ' '),
} as const satisfies Record<string, (text: string) => string>;

export type EscapeName = keyof typeof ESCAPES;
export const ESCAPE_NAMES = Object.keys(ESCAPES) as [EscapeName, ...EscapeName[]];
