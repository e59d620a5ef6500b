import mustache from 'mustache';

/** A part of a template. */
export type Part =
	| { kind: 'text'; text: string }
	| { kind: 'value'; name: string; escaped: boolean }
	| { kind: 'section'; name: string; inverted: boolean; parts: readonly Part[] };

export interface Template {
	parts: readonly Part[];
	/** Whether tables are gone through by name; a file for each otherwise. */
	hasTables: boolean;
	/** Names that are used anywhere. */
	names: ReadonlySet<string>;
}

/** Characters. A report's frame, not its data. */
export const MAX_TEMPLATE = 64 * 1024;
const MAX_DEPTH = 16;
/** Fields, dots between them, and what the engine gives with `@`: nothing that looks like a call. */
const NAME =
	/^(?:\.|@?[^\s@.(){}[\]'"`=;]+(?: [^\s@.(){}[\]'"`=;]+)*(?:\.[^\s@.(){}[\]'"`=;]+(?: [^\s@.(){}[\]'"`=;]+)*)*)$/u;

export class TemplateError extends Error {}

/**
 * Reads the text of a mustache template: values, sections, comments and other delimiters; no partials, no
 * lambdas. Rows and tables are gone through at the top only, so that what is written grows with the rows
 * and not with their square.
 * @throws TemplateError
 */
export function compileTemplate(text: string): Template {
	const names = new Set<string>();
	const parts = partsOf(parse(text), { depth: 0, path: [], names });
	const hasTables = parts.some((part) => part.kind === 'section' && part.name === 'tables');
	return { parts, hasTables, names };
}

type Token = [kind: string, value: string, start: number, end: number, children?: Token[]];

function parse(text: string): Token[] {
	if (text.length > MAX_TEMPLATE) {
		throw new TemplateError(`expected at most ${MAX_TEMPLATE} characters`);
	}
	// what users write is not kept for ever
	const writer = Object.assign(new mustache.Writer(), { templateCache: undefined });
	try {
		return writer.parse(text) as Token[];
	} catch (error) {
		throw new TemplateError(error instanceof Error ? error.message : 'no mustache template');
	}
}

interface Place {
	depth: number;
	/** Names of the sections around. */
	path: readonly string[];
	names: Set<string>;
}

function partsOf(tokens: readonly Token[], place: Place): Part[] {
	if (place.depth > MAX_DEPTH) throw new TemplateError(`expected at most ${MAX_DEPTH} levels`);
	return tokens.flatMap((token): Part[] => {
		const part = partOf(token, place);
		return part === undefined ? [] : [part];
	});
}

function partOf([kind, value, , , children = []]: Token, place: Place): Part | undefined {
	switch (kind) {
		case 'text':
			return { kind: 'text', text: value };
		case 'name':
		case '&':
			return { kind: 'value', name: nameOf(value, place), escaped: kind === 'name' };
		case '#':
		case '^': {
			const name = nameOf(value, place);
			demandPlace(name, kind, place);
			const inner = { ...place, depth: place.depth + 1, path: [...place.path, name] };
			return { kind: 'section', name, inverted: kind === '^', parts: partsOf(children, inner) };
		}
		case '>':
			throw new TemplateError(`"{{> ${value}}}": there are no partials`);
		default:
			return undefined;
	}
}

function nameOf(value: string, { names }: Place): string {
	if (!NAME.test(value)) throw new TemplateError(`"{{${value}}}": expected the name of a field`);
	names.add(value);
	return value;
}

function demandPlace(name: string, kind: string, { path }: Place): void {
	const within = path.join('/');
	if (name === 'tables' && within !== '') {
		throw new TemplateError('{{#tables}}: expected at the top, in no other section');
	}
	if (name === 'rows' && within !== '' && within !== 'tables') {
		throw new TemplateError(`{{${kind}rows}}: expected at the top or within {{#tables}}`);
	}
}
