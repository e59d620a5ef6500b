/** An instant as people in the zone write it: `Mon 23 Nov 2026, 18:45 CET`. Seconds only when there are any. */
export function momentWriter(timeZone: string): (iso: string) => string {
	const format = new Intl.DateTimeFormat('en-GB', {
		timeZone,
		weekday: 'short',
		day: 'numeric',
		month: 'short',
		year: 'numeric',
		hour: '2-digit',
		minute: '2-digit',
		second: '2-digit',
		hourCycle: 'h23',
		timeZoneName: 'short',
	});
	return (iso) => {
		const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
		for (const { type, value } of format.formatToParts(Date.parse(iso))) part[type] = value;
		const seconds = part.second === '00' ? '' : `:${part.second}`;
		return (
			`${part.weekday} ${part.day} ${part.month} ${part.year}, ` +
			`${part.hour}:${part.minute}${seconds} ${part.timeZoneName}`
		);
	};
}
