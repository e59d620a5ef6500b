import type { Row } from '../../../engine/contract/envelope.ts';

const CITIES = ['Berlin', 'Paris', 'Rome', 'Oslo & Co', 'London'];
const START = Date.UTC(2026, 0, 1);

/** Ten columns of what reports are made of. */
export const benchRow = (n: number): Row => ({
	id: n,
	name: `Customer ${n % 997}`,
	amount: Math.round((n * 37.13) % 100_000) / 100,
	quantity: n % 50,
	active: n % 3 === 0,
	city: CITIES[n % CITIES.length]!,
	note: `Order ${n} shipped with "care" <fast>`,
	at: new Date(START + n * 60_000).toISOString(),
	score: n / 7,
	code: `SKU-${(n * 7919) % 100_000}`,
});
