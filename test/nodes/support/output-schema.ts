/** As much of JSON Schema as n8n's editor reads. */
export interface OutputSchema {
	type?: string | string[];
	properties?: Record<string, OutputSchema>;
	items?: OutputSchema;
}

/** Where a value is not what its schema says. Objects and lists may be null: the editor has no word for that. */
export function misfits(value: unknown, schema: OutputSchema | undefined, at = '$'): string[] {
	if (schema === undefined) return [`${at}: is not in the schema`];
	const types = [schema.type ?? []].flat();
	const type = typeOf(value);
	const isNull = type === 'null' && (types.includes('object') || types.includes('array'));
	if (isNull) return [];
	if (!types.some((each) => each === type || (each === 'integer' && Number.isInteger(value)))) {
		return [`${at}: is ${type}, not ${types.join(' or ')}`];
	}
	if (Array.isArray(value)) {
		return value.flatMap((each, i) => misfits(each, schema.items, `${at}[${i}]`));
	}
	// an object without declared fields may have any
	if (type !== 'object' || schema.properties === undefined) return [];
	return Object.entries(value as object).flatMap(([name, each]) =>
		misfits(each, schema.properties?.[name], `${at}.${name}`),
	);
}

function typeOf(value: unknown): string {
	if (value === null) return 'null';
	return Array.isArray(value) ? 'array' : typeof value;
}
