/**
 * The net under the allow-list: what looks like a secret of ours is masked wherever it stands, for example in the
 * message of a driver's error. Each keeps what tells which one it was.
 */
const SECRETS: readonly (readonly [RegExp, string])[] = [
	// API keys, keeping the key's id: csk_key_01j…_<secret and checksum>
	[/\bcsk_(key_[0-9a-z]{26}_)?[\w-]{20,}/g, 'csk_$1***'],
	[/\bwhsec_[\w+/=-]+/g, 'whsec_***'],
	// result links, keeping the link's id
	[/\b(lnk_[0-9a-z]{26})\.[\w-]{43}/g, '$1.***'],
	[/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 ***'],
	// user and password of a URL, of databases too
	[/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1***@'],
	// the query of a URL: tokens of other services live there
	[/\b(https?:\/\/[^\s?#"'<>]+)\?[^\s"'<>]*/gi, '$1?***'],
];

const MAX_LENGTH = 4000;

export function scrub(text: string): string {
	let safe = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
	for (const [pattern, mask] of SECRETS) safe = safe.replace(pattern, mask);
	return safe;
}
