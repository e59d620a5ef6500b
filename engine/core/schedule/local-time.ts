import type { Instant } from '../../contract/time.ts';
import { pieceAt } from './zone-offsets.ts';

/** A wall-clock time, in milliseconds as if the clock showed UTC. */
export type LocalMillis = number;

const DAY = 86_400_000;
const LOCAL = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/;

/** Reads `2027-01-31T09:00[:00[.000]]`; `undefined` when it is no date and time that exists. */
export function parseLocal(text: string): LocalMillis | undefined {
	const found = LOCAL.exec(text);
	if (!found) return undefined;
	const [year, month, day, hour, minute, second] = found
		.slice(1, 7)
		.map((part) => Number(part ?? 0));
	const millis = Number((found[7] ?? '0').padEnd(3, '0'));
	const local = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second, millis);
	// What Date.UTC had to carry over (30 February, 24:00) was no date.
	const carried =
		new Date(local).toISOString().slice(0, 16) !== text.slice(0, 16).replace(' ', 'T');
	return carried || (second ?? 0) > 59 ? undefined : local;
}

/**
 * The instant of a wall-clock time: the first of two, and where the clock jumped over it, the one that
 * keeps the offset of before.
 */
export function toInstant(zone: string, local: LocalMillis): Instant {
	for (let piece = pieceAt(zone, local - DAY); ; piece = pieceAt(zone, piece.until)) {
		const { from, until, offset, before } = piece;
		const skipped = offset > before && local >= from + before && local < from + offset;
		if (skipped) return local - before;
		const at = local - offset;
		if (at >= from && at < until) return at;
		if (from > local + DAY) throw new Error(`no offset in ${zone} at ${local}`);
	}
}

/** `2027-01-31T09:00:00+01:00[Europe/Berlin]`; with milliseconds where there are any. */
export function formatLocal(zone: string, at: Instant): string {
	const { offset } = pieceAt(zone, at);
	const text = new Date(at + offset).toISOString();
	return `${text.slice(0, at % 1000 === 0 ? -5 : -1)}${formatOffset(offset)}[${zone}]`;
}

function formatOffset(offset: number): string {
	const seconds = Math.abs(offset) / 1000;
	const parts = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
	if (seconds % 60 !== 0) parts.push(seconds % 60);
	const text = parts.map((part) => String(part).padStart(2, '0')).join(':');
	return `${offset < 0 ? '-' : '+'}${text}`;
}
