/**
 * How many rows a JSON value holds: the elements of an array or of the list in `rows`, none for null.
 * Anything else is a value, of which there is no number.
 */
export function rowsIn(value: unknown): number | undefined {
	if (value === null || value === undefined) return 0;
	if (Array.isArray(value)) return value.length;
	if (typeof value !== 'object' || !Object.hasOwn(value, 'rows')) return undefined;
	const { rows } = value as { rows: unknown };
	return Array.isArray(rows) ? rows.length : undefined;
}
