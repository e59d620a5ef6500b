const EXPONENT = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/;

/** A number's digits without an exponent: `1.5e-3` becomes `0.0015`. Exact, whatever the size. */
export function plainDigits(text: string): string {
	const match = EXPONENT.exec(text);
	if (!match) return text;
	const [, sign = '', whole = '', fraction = '', power = '0'] = match;
	const digits = whole + fraction;
	const point = whole.length + Number(power);
	const left = (point <= 0 ? '' : digits.slice(0, point).padEnd(point, '0')).replace(
		/^0+(?=.)/,
		'',
	);
	const right = (point < 0 ? '0'.repeat(-point) : '') + digits.slice(Math.max(0, point));
	return `${sign}${left === '' ? '0' : left}${right === '' ? '' : `.${right}`}`;
}

/**
 * A decimal as an integer of so many digits after the point: `12.5` at scale 2 is `1250n`.
 * @returns undefined when digits would be lost
 */
export function scaledDecimal(text: string, scale: number): bigint | undefined {
	const plain = plainDigits(text);
	const point = plain.indexOf('.');
	const fraction = point < 0 ? '' : plain.slice(point + 1).replace(/0+$/, '');
	if (fraction.length > scale) return undefined;
	return BigInt((point < 0 ? plain : plain.slice(0, point)) + fraction.padEnd(scale, '0'));
}
