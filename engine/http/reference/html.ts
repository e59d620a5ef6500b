/** Markup that is safe to put into a page. Made by `html` only. */
export interface Html {
	readonly markup: string;
}

type Part = string | number | Html | undefined | readonly Part[];

const ENTITIES: Record<string, string> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

const escaped = (text: string): string =>
	text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

function render(part: Part): string {
	if (part === undefined) return '';
	if (typeof part === 'object') return 'markup' in part ? part.markup : part.map(render).join('');
	return escaped(String(part));
}

/** Escapes whatever is put into it, unless that is Html already; lists are joined. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
	return { markup: strings.map((text, i) => text + render(parts[i])).join('') };
}

/** Prose with `code` in backticks. */
export function prose(text: string): Html {
	const parts = text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));
	return html`${parts}`;
}
