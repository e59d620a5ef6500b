/** Thousandths of the type size from the blank to the tilde: Noto Sans, which PDF embeds. */
const ASCII = (
	'260 269 408 646 572 831 732 225 300 300 551 572 268 322 268 372 572 572 572 572 572 572 572 572 572 572 268 ' +
	'268 572 572 572 434 899 639 650 632 730 556 519 728 741 339 273 619 524 907 760 781 605 781 622 549 556 731 ' +
	'600 930 586 566 572 329 372 329 572 444 281 561 615 480 615 564 344 615 618 258 258 534 258 935 618 605 615 ' +
	'615 413 479 361 618 508 786 529 510 470 380 551 380 572'
)
	.split(' ')
	.map(Number);
const OTHER = 620;
/** Ideographs and their like are as wide as high. */
const FULL = 1000;
const FULL_FROM = 0x2e80;
const BOLDER = 1.06;
const BLANK = 0x20;
const DEFAULT_SIZE = 11;

interface TextItem {
	fontSize?: number;
	fontWeight?: string | number;
}

/** Points that a text of a chart takes, so that labels are set where they fit. */
export function textWidth(item: TextItem, text: unknown): number {
	let width = 0;
	for (const character of String(text)) {
		const code = character.codePointAt(0) ?? 0;
		width += ASCII[code - BLANK] ?? (code >= FULL_FROM ? FULL : OTHER);
	}
	const { fontSize = DEFAULT_SIZE, fontWeight = 400 } = item;
	const bold = fontWeight === 'bold' || Number(fontWeight) >= 600;
	return ((width * fontSize) / 1000) * (bold ? BOLDER : 1);
}
