import type { JsonValue } from '../../../contract/json.ts';

const MAX_DEPTH = 40;
/** Keys of a view; without one of them there is nothing to draw. */
const VIEWS = ['mark', 'layer', 'hconcat', 'vconcat', 'concat', 'facet', 'repeat', 'spec'];
/** What holds the user's own values and no specification. */
const VALUES: ReadonlySet<string> = new Set(['values', 'datasets', 'usermeta', '$schema']);

export interface Refusal {
	message: string;
	path: (string | number)[];
}

/**
 * Why a specification is not drawn: what would load something or lead out of the report. The process that
 * draws loads nothing either way; this tells the user before the first run.
 */
export function refusalOf(spec: { [key: string]: JsonValue }): Refusal | undefined {
	if (!VIEWS.some((key) => key in spec)) {
		return { message: `a Vega-Lite view: one of ${VIEWS.join(', ')}`, path: [] };
	}
	return refuse(spec, []);
}

function refuse(value: JsonValue, path: (string | number)[]): Refusal | undefined {
	if (typeof value !== 'object' || value === null) return undefined;
	if (path.length > MAX_DEPTH)
		return { message: `at most ${MAX_DEPTH} levels`, path: path.slice(0, 8) };
	for (const [key, member] of Object.entries(value)) {
		const here = [...path, Array.isArray(value) ? Number(key) : key];
		if (!Array.isArray(value)) {
			if (VALUES.has(key)) continue;
			const message = reason(key, member);
			if (message !== undefined) return { message, path: here };
		}
		const deeper = refuse(member, here);
		if (deeper) return deeper;
	}
	return undefined;
}

function reason(key: string, member: JsonValue): string | undefined {
	if (key === 'url')
		return 'no remote data: charts draw the rows, or `values` of the specification';
	if (key === 'href') return 'no links: reports lead nowhere';
	if ((key === 'mark' || key === 'type') && member === 'image')
		return 'no images: nothing is loaded';
	return undefined;
}
