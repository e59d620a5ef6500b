// @ts-expect-error -- the package brings no types
import untyped from 'linebreak';

export interface LineBreaker {
	/** Where a line may end next (Unicode Standard Annex 14); null after the end of the text. */
	nextBreak(): { position: number } | null;
}

export const LineBreaker = untyped as new (text: string) => LineBreaker;
