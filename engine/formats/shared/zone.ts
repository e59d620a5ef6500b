import { offsetAsker } from '../../contract/zone-offset.ts';

/** The UTC offsets of a zone, asked of Intl once for each quarter of an hour that the rows touch. */
const QUARTER = 900_000;
const MAX_KNOWN = 50_000;
const MAX_ZONES = 100;

const readers = new Map<string, (at: number) => number>();

/** Milliseconds that the zone's clocks are ahead of UTC at an instant. @throws RangeError for no zone */
export function zoneOffsets(timeZone: string): (at: number) => number {
	let reader = readers.get(timeZone);
	if (!reader) {
		if (readers.size >= MAX_ZONES) readers.clear();
		reader = makeReader(timeZone);
		readers.set(timeZone, reader);
	}
	return reader;
}

export function isTimeZone(name: string): boolean {
	try {
		zoneOffsets(name);
		return true;
	} catch {
		return false;
	}
}

function makeReader(timeZone: string): (at: number) => number {
	const ask = offsetAsker(timeZone);
	const known = new Map<number, number>();
	return (at) => {
		// every change of a clock since 1970 was at a quarter of an hour of UTC
		const quarter = Math.floor(at / QUARTER);
		let offset = known.get(quarter);
		if (offset === undefined) {
			if (known.size >= MAX_KNOWN) known.clear();
			offset = ask(quarter * QUARTER);
			known.set(quarter, offset);
		}
		return offset;
	};
}
