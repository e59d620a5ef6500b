import { cutText, refuseBeyond } from './limits.ts';
import type { SheetNotes } from './sheet-notes.ts';
import type { SheetOptions } from './sheet-options.ts';

/** What is told of cells that do not show all that came. */
export interface CellChanges {
	/** The text as a cell holds it. @throws CapError FORMAT_UNSUITABLE where it may not be cut */
	fitted: (text: string) => string;
	/** An instant has digits beyond the millisecond. */
	cutMoment: () => void;
	/** A text has characters that the format cannot hold. */
	illegal: () => void;
}

export interface CellPlace {
	column: string;
	/** Empty for the only table of a result. */
	table: string;
}

export function cellChanges(
	place: CellPlace,
	context: { format: string; maxCharacters: number; options: SheetOptions; notes: SheetNotes },
): CellChanges {
	const { format, maxCharacters: limit, options, notes } = context;
	const changed = (message: string): void => {
		notes.add({ code: 'values_changed', message, ...place });
	};
	return {
		fitted(text) {
			if (text.length <= limit) return text;
			if (options.onLongText === 'error') {
				const what = `characters in a cell, as in column ${JSON.stringify(place.column)}`;
				refuseBeyond(format, { what, limit, option: 'onLongText' });
			}
			const message = `Texts are cut after ${limit} characters`;
			notes.add({ code: 'cells_truncated', message, limit, ...place });
			return cutText(text, limit);
		},
		cutMoment: () => changed('Digits beyond the millisecond are not shown'),
		illegal: () => changed('Characters that no XML holds are shown as \ufffd'),
	};
}
