import type { Json } from '../openapi-schemas.ts';
import type { Html } from './html.ts';
import { html, prose } from './html.ts';

/** A schema as people read it: a table of fields, nested ones folded in below. */
export function schemaTable(schema: Json): Html {
	const fields = fieldsOf(schema);
	if (fields.length === 0) return html`<p class="type">${typeWords(schema)}</p>`;
	return html`<table class="fields">
		<tbody>
			${fields.map(row)}
		</tbody>
	</table>`;
}

interface Field {
	name: string;
	required: boolean;
	schema: Json;
}

function fieldsOf(schema: Json): Field[] {
	const properties = (schema['properties'] ?? {}) as Record<string, Json>;
	const required = new Set((schema['required'] ?? []) as string[]);
	return Object.entries(properties).map(([name, field]) => ({
		name,
		schema: field,
		required: required.has(name),
	}));
}

function row({ name, required, schema }: Field): Html {
	return html`<tr>
		<th scope="row">
			<code>${name}</code>${required ? html` <span class="required">required</span>` : ''}
		</th>
		<td>${typeWords(schema)}${notes(schema)}${nested(schema)}</td>
	</tr>`;
}

/** Objects within, where they are written out in place. */
function nested(schema: Json): Html {
	const inner = [schema, itemsOf(schema), valuesOf(schema)].find(
		(each) => each !== undefined && fieldsOf(each).length > 0,
	);
	return inner === undefined
		? html``
		: html`<details>
				<summary>fields</summary>
				${schemaTable(inner)}
			</details>`;
}

const itemsOf = (schema: Json): Json | undefined => schema['items'] as Json | undefined;

function valuesOf(schema: Json): Json | undefined {
	const values = schema['additionalProperties'];
	return typeof values === 'object' && values !== null ? (values as Json) : undefined;
}

function notes(schema: Json): Html {
	const { description, default: fallback, examples } = schema;
	const parts: Html[] = [];
	if (typeof description === 'string')
		parts.push(html`<span class="note">${prose(description)}</span>`);
	if (
		fallback !== undefined &&
		JSON.stringify(fallback) !== '{}' &&
		JSON.stringify(fallback) !== '[]'
	) {
		parts.push(html`<span class="note">default <code>${JSON.stringify(fallback)}</code></span>`);
	}
	if (Array.isArray(examples)) {
		const shown = examples.map((example) => html` <code>${JSON.stringify(example)}</code>`);
		parts.push(html`<span class="note">for example${shown}</span>`);
	}
	return html`${parts}`;
}

/** The type with its bounds, in words; named schemas as links. */
export function typeWords(schema: Json): Html {
	const { $ref, anyOf, oneOf, enum: values, const: only, type } = schema;
	if (typeof $ref === 'string') {
		const name = $ref.split('/').at(-1) ?? '';
		return html`<a href="#schema-${name}">${name}</a>`;
	}
	// beside a type they only say which fields go together
	const branches = (type === undefined ? (anyOf ?? oneOf) : undefined) as Json[] | undefined;
	if (branches !== undefined) return html`${separated(branches.map(typeWords), ' or ')}`;
	if (Array.isArray(values)) {
		return html`${separated(
			values.map((value) => html`<code>${JSON.stringify(value)}</code>`),
			' | ',
		)}`;
	}
	if (only !== undefined) return html`<code>${JSON.stringify(only)}</code>`;
	if (type === 'array') return html`list of ${typeWords(itemsOf(schema) ?? {})}${bounds(schema)}`;
	if (type === 'object') {
		const values = valuesOf(schema);
		return values !== undefined && Object.keys(values).length > 0
			? html`object of ${typeWords(values)}`
			: html`object`;
	}
	if (typeof type !== 'string') return html`anything`;
	return html`${typeof schema['format'] === 'string' ? schema['format'] : type}${bounds(schema)}`;
}

/** Limits that zod adds to every integer say nothing. */
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

function bounds(schema: Json): Html {
	const low = schema['minimum'] ?? schema['minLength'] ?? schema['minItems'];
	const high = schema['maximum'] ?? schema['maxLength'] ?? schema['maxItems'];
	const unit =
		schema['type'] === 'string' ? ' characters' : schema['type'] === 'array' ? ' items' : '';
	const least = typeof low === 'number' && low > 0 ? low : undefined;
	const most = typeof high === 'number' && high < MAX_SAFE ? high : undefined;
	if (least !== undefined && most !== undefined) return html`, ${least} to ${most}${unit}`;
	if (most !== undefined) return html`, at most ${most}${unit}`;
	if (least !== undefined) return html`, at least ${least}${unit}`;
	return html``;
}

export function separated(parts: readonly Html[], separator: string): (Html | string)[] {
	return parts.flatMap((part, i) => (i === 0 ? [part] : [separator, part]));
}
