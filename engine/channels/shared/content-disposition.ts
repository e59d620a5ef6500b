/** RFC 6266: a plain name for old readers, and the true one in UTF-8 where they differ. */
export function contentDisposition(filename: string): string {
	const name = filename.toWellFormed();
	const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, '_');
	if (plain === name) return `attachment; filename="${plain}"`;
	const encoded = encodeURIComponent(name).replace(
		/['()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
	return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
