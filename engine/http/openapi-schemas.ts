import { z } from 'zod';

import { jsonValueSchema } from '../contract/json.ts';

export type Json = Record<string, unknown>;

/** Collects the named schemas of a document while others are turned into JSON Schema. */
export class SchemaCollector {
	readonly schemas: Record<string, Json> = {};

	/** @param io `input` for what clients write, `output` for what they read */
	convert(schema: z.ZodType, io: 'input' | 'output'): Json {
		const {
			$schema: _,
			$defs,
			...json
		} = z.toJSONSchema(schema, {
			io,
			unrepresentable: 'any',
			override({ zodSchema, jsonSchema }) {
				// any JSON value is simply no constraint
				if (zodSchema === (jsonValueSchema as unknown)) clear(jsonSchema);
			},
		}) as Json & { $defs?: Record<string, Json> };
		const defs = $defs ?? {};
		for (const [name, definition] of Object.entries(defs)) this.add(name, tidy(definition, defs));
		return tidy(json, defs) as Json;
	}

	private add(name: string, definition: unknown): void {
		if (name.startsWith('__')) return;
		const known = this.schemas[name];
		if (known !== undefined && JSON.stringify(known) !== JSON.stringify(definition)) {
			throw new Error(`two schemas are named ${name}, or it is used for input and output`);
		}
		this.schemas[name] = definition as Json;
	}
}

function clear(json: object): void {
	for (const key of Object.keys(json)) Reflect.deleteProperty(json, key);
}

/** Points references at the components, takes out what says nothing, puts in overrides of `meta`. */
function tidy(node: unknown, defs: Record<string, Json>): unknown {
	if (Array.isArray(node)) return node.map((item) => tidy(item, defs));
	if (typeof node !== 'object' || node === null) return node;
	const { $ref, override, ...rest } = node as Json & { override?: Json };
	const referred = typeof $ref === 'string' ? reference($ref, defs) : {};
	const json: Json = { ...referred };
	for (const [key, value] of Object.entries(rest))
		json[key] = key === 'default' ? value : tidy(value, defs);
	// the format says it, and the pattern is 300 characters long
	if (json['format'] === 'date-time') delete json['pattern'];
	if (JSON.stringify(json['propertyNames']) === '{"type":"string"}') delete json['propertyNames'];
	if (override === undefined) return json;
	for (const key of ['type', 'pattern', 'minLength', 'maxLength'])
		Reflect.deleteProperty(json, key);
	return { ...json, ...override };
}

function reference($ref: string, defs: Record<string, Json>): Json {
	const name = $ref.replace('#/$defs/', '');
	if (name.startsWith('__')) {
		if (JSON.stringify(defs[name]) !== '{}')
			throw new Error(`give the schema a name: ${JSON.stringify(defs[name])}`);
		return {};
	}
	return { $ref: `#/components/schemas/${name}` };
}
