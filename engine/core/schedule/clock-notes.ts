import type { Instant } from '../../contract/time.ts';
import type { DstPolicy } from '../../contract/timing.ts';
import type { CronPattern } from './cron-pattern.ts';
import { missingTime } from './cron-walk.ts';
import { foldOf } from './local-instants.ts';
import { endOfFold, pieceAt, startOfFold } from './zone-offsets.ts';

/** What a clock change did to one occurrence of a pattern, in words; `undefined` where it did nothing. */
export function clockNote(
	pattern: CronPattern,
	zone: string,
	{ at, dst }: { at: Instant; dst?: DstPolicy | undefined },
): string | undefined {
	const piece = pieceAt(zone, at);
	const shown = at + piece.offset;
	const missing = missingTime(pattern, zone, { at, dst });
	if (missing !== undefined) return `clock change: ${shiftWords(missing, shown)}`;
	const twice = `clock change: ${clockText(shown)} comes twice on this day`;
	const fold = foldOf(pattern, dst);
	if (at < endOfFold(piece)) {
		return `${twice}, ${fold === 'last' ? 'fires the last time only' : 'this is the second time'}`;
	}
	if (at < startOfFold(zone, piece)) return undefined;
	return fold === 'both'
		? `${twice}, this is the first time`
		: `${twice}, fires the first time only`;
}

/** The date is only told where the shift changes it (Samoa lost a whole day in 2011). */
export function shiftWords(asked: number, shown: number): string {
	const sameDay = dateText(asked) === dateText(shown);
	const from = sameDay ? clockText(asked) : `${dateText(asked)} ${clockText(asked)}`;
	const to = sameDay ? clockText(shown) : `${dateText(shown)} ${clockText(shown)}`;
	return `${from} does not exist${sameDay ? ' on this day' : ''}, shifted to ${to}`;
}

export function dateText(local: number): string {
	return new Date(local).toISOString().slice(0, 10);
}

/** `02:30`, or `02:30:15` where the seconds say something. */
export function clockText(local: number): string {
	const text = new Date(local).toISOString();
	return text.slice(11, local % 60_000 === 0 ? 16 : 19);
}
