import type { FontLibrary } from './fonts/library.ts';
import type { FormatInput } from '../format.port.ts';
import type { Flow } from './blocks.ts';

const FAMILY_HINT =
	'Fonts of further scripts are used where their packages (@fontsource-variable/noto-sans-…) are installed.';

/** What the reader is told of characters that no font has; empty when all were drawn. */
export function missingText({ missing, missingCount }: FontLibrary): string {
	if (missingCount === 0) return '';
	const named = [...missing.keys()].map(
		(text) => `U+${(text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`,
	);
	const most = named.slice(0, 20).join(', ');
	const more = named.length > 20 ? ' and others' : '';
	const count = missingCount === 1 ? 'One character is' : `${missingCount} characters are`;
	return `${count} shown as boxes, because no font here has them: ${most}${more}. They are kept when text is copied. ${FAMILY_HINT}`;
}

/** Says on the last page and to the receipt which characters could not be drawn. */
export function tellMissing({
	input,
	flow,
	shaper: { library },
}: {
	input: FormatInput;
	flow: Flow;
	shaper: { library: FontLibrary };
}): void {
	const text = missingText(library);
	if (text === '') return;
	flow.notice(text);
	input.notice?.({
		code: 'values_changed',
		message: 'Characters that no font of the engine has are shown as boxes.',
		count: library.missingCount,
	});
}
