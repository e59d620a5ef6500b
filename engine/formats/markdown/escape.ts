import { LINE_BREAK, visibleText } from '../shared/visible.ts';

/** What means something within a line, or at its beginning. */
const ACTIVE = /[\\`*_{}[\]()#+!|~^$<>&]/g;
const PLAIN = /^[\p{L}\p{N} .,;%€/-]*$/u;
const NAMED: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' };
/** Addresses of which some readers make links by themselves. */
const ADDRESS = /\b(https?|ftp|mailto|xmpp)(?=:)|\b(www)(?=\.)|(?<=\w)@(?=\w)/gi;

/** A text of one line in which nothing is markup. Lines of a cell are parted by `<br>`. */
export function markdownText(text: string): string {
	if (PLAIN.test(text)) return text;
	return text.split(LINE_BREAK).map(lineText).join('<br>');
}

function lineText(line: string): string {
	return visibleText(line)
		.replace(ACTIVE, (found) => NAMED[found] ?? `\\${found}`)
		.replace(ADDRESS, (found) => (found === '@' ? '&#64;' : `${found}<!-- -->`))
		.replace(/\t/g, ' ');
}
