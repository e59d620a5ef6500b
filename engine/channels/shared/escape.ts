const HTML: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

/** For elements and for attributes in quotes. */
export function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => HTML[character] ?? '');
}
