/* Pieces of sentences about timing, in English. */

export const MONTH_NAMES = [
	...['January', 'February', 'March', 'April', 'May', 'June'],
	...['July', 'August', 'September', 'October', 'November', 'December'],
] as const;
/** Sunday is 0. */
export const DAY_NAMES = [
	...['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
] as const;
const NTH = ['', 'first', 'second', 'third', 'fourth', 'fifth'] as const;

/** `a, b and c` */
export function list(items: readonly string[], word = 'and'): string {
	const last = items.at(-1) ?? '';
	return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} ${word} ${last}`;
}

export const two = (value: number): string => String(value).padStart(2, '0');

/** `1st`, `22nd`, `13th` */
export function ordinal(value: number): string {
	const teen = value % 100 >= 11 && value % 100 <= 13;
	return `${value}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th')}`;
}

/** `second`, `last`, `second last` */
export function nth(value: number): string {
	if (value === -1) return 'last';
	const count = Math.abs(value);
	const word = NTH[count] ?? ordinal(count);
	return value < 0 ? `${word} last` : word;
}

/** `minute`, `15 minutes` */
export function every(count: number, unit: string): string {
	return count === 1 ? unit : `${count} ${unit}s`;
}

/** Days of the week in the order in which people say them; Sunday is 0. */
export function weekdaysInWords(days: readonly number[]): string {
	const key = [...days].sort().join('');
	if (key === '12345') return 'Monday to Friday';
	if (key === '06') return 'Saturday and Sunday';
	const fromMonday = [...days].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7));
	return runs(
		fromMonday.map((day) => (day + 6) % 7),
		(day) => DAY_NAMES[(day + 1) % 7] ?? '',
	);
}

/** Ascending numbers, three and more in a row as `from to`. */
export function runs(values: readonly number[], say: (value: number) => string): string {
	const parts: string[] = [];
	for (let i = 0; i < values.length;) {
		let end = i;
		while (values[end + 1] === (values[end] ?? 0) + 1) end++;
		const [first = 0, last = 0] = [values[i], values[end]];
		if (end - i >= 2) parts.push(`${say(first)} to ${say(last)}`);
		else for (let at = i; at <= end; at++) parts.push(say(values[at] ?? 0));
		i = end + 1;
	}
	return list(parts);
}

/** The step of values that go evenly through a circle of that size; undefined when they do not. */
export function evenStep(values: readonly number[], size: number): number | undefined {
	const step = (values[1] ?? size) - (values[0] ?? 0);
	const even = values.every((value, i) => i === 0 || value - (values[i - 1] ?? 0) === step);
	return values.length > 1 && even && values.length * step === size ? step : undefined;
}
