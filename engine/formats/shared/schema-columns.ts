import type { JsonObject, JsonValue } from '../../contract/json.ts';
import { readTypeName, type DeclaredType } from './column-type.ts';

/** A column as a JSON Schema describes it. */
export interface SchemaColumn {
	name: string;
	title?: string;
	declared?: DeclaredType;
	/** In every row and never null, as the schema says. */
	required: boolean;
}

export interface SchemaColumns {
	columns: readonly SchemaColumn[];
	/** No row has other keys. */
	closed: boolean;
}

const MAX_REFERENCES = 20;
/** Formats that say more than the type, in the words of `readTypeName`. */
const FORMATS: Readonly<Record<string, string>> = {
	date: 'date',
	time: 'time',
	'date-time': 'datetime',
	duration: 'duration',
	decimal: 'decimal',
	int64: 'bigint',
	uint64: 'bigint',
	byte: 'binary',
	base64: 'binary',
};

const isObject = (value: JsonValue | undefined): value is JsonObject =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The columns that the schema of a result, or of one row of it, describes.
 * @param table of a result with several result sets, which one
 * @returns undefined where it describes no row
 */
export function columnsOfSchema(
	schema: JsonObject | undefined,
	table?: string,
): SchemaColumns | undefined {
	const row = schema && rowSchema(schema, table);
	const properties = row?.['properties'];
	if (!row || !isObject(properties)) return undefined;
	const required = Array.isArray(row['required']) ? row['required'] : [];
	const columns = Object.entries(properties).map(([name, property]): SchemaColumn => {
		const described = isObject(property) ? resolve(property, schema) : {};
		const types = typesOf(described);
		const declared = declaredBy(described, types);
		return {
			name,
			required: required.includes(name) && !types.includes('null') && types.length > 0,
			...(typeof described['title'] === 'string' ? { title: described['title'] } : {}),
			...(declared === undefined ? {} : { declared }),
		};
	});
	return { columns, closed: row['additionalProperties'] === false };
}

function rowSchema(root: JsonObject, table: string | undefined): JsonObject | undefined {
	const whole = resolve(root, root);
	const within = (object: JsonObject, name: string): JsonObject | undefined => {
		const properties = object['properties'];
		const found =
			isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
		return isObject(found) ? itemsOf(resolve(found, root), root) : undefined;
	};
	if (table !== undefined) return within(whole, table);
	return itemsOf(whole, root) ?? within(whole, 'rows') ?? whole;
}

function itemsOf(list: JsonObject, root: JsonObject): JsonObject | undefined {
	const { items } = list;
	return isObject(items) ? resolve(items, root) : undefined;
}

/** Follows references within the document; those that lead out of it describe nothing here. */
function resolve(schema: JsonObject, root: JsonObject): JsonObject {
	let found = schema;
	for (let count = 0; count < MAX_REFERENCES; count++) {
		const reference = found['$ref'];
		if (typeof reference !== 'string') return found;
		let target: JsonValue | undefined = reference.startsWith('#') ? root : undefined;
		for (const part of reference.slice(1).split('/').slice(1)) {
			const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
			target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
		}
		if (!isObject(target)) return {};
		found = target;
	}
	return {};
}

function typesOf({ type, anyOf, oneOf }: JsonObject): string[] {
	const choices = anyOf ?? oneOf;
	if (type === undefined && Array.isArray(choices)) {
		return choices.flatMap((choice) => (isObject(choice) ? typesOf(choice) : []));
	}
	const types = Array.isArray(type) ? type : [type];
	return types.filter((name) => typeof name === 'string');
}

function declaredBy(schema: JsonObject, types: readonly string[]): DeclaredType | undefined {
	const [only, ...others] = [...new Set(types)].filter((name) => name !== 'null');
	if (only === undefined || others.length > 0) return undefined;
	const { format, contentEncoding } = schema;
	if (only === 'string' && contentEncoding === 'base64') return readTypeName('binary');
	const named =
		typeof format === 'string' && Object.hasOwn(FORMATS, format) ? FORMATS[format]! : only;
	return readTypeName(named);
}
