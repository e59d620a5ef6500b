import type { Duration, Instant } from './time.ts';

/**
 * Asks Intl how far the clocks of a zone are ahead of UTC at an instant: exact to the second, also where
 * offsets were odd (`GMT-00:44:30`). Some microseconds each time: who asks often keeps the answers.
 * @throws RangeError for a zone that Intl does not know
 */
export function offsetAsker(timeZone: string): (at: Instant) => Duration {
	const formatter = new Intl.DateTimeFormat('en-US', {
		timeZone,
		timeZoneName: 'longOffset',
		// something has to stand beside the name, and this is the least
		hour: 'numeric',
	});
	return (at) => readOffset(formatter.format(at));
}

/** `1 AM GMT-00:44:30`; plain `GMT` where the offset is zero. */
function readOffset(text: string): Duration {
	const offset = text.slice(text.lastIndexOf('GMT') + 3);
	if (offset === '') return 0;
	const seconds =
		Number(offset.slice(1, 3)) * 3600 +
		Number(offset.slice(4, 6)) * 60 +
		Number(offset.slice(7, 9));
	return (offset.startsWith('-') ? -1000 : 1000) * seconds;
}
