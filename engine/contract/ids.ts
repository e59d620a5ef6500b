import { z } from 'zod';

/**
 * Ids are `<prefix>_<26 characters>`: 10 characters of time (milliseconds, Crockford base 32, lower case)
 * and 16 of randomness, so they sort by time. They are made in `engine/ids.ts`; here is their shape.
 */
export const ID_PREFIXES = {
	schedule: 'sch',
	run: 'run',
	delivery: 'dlv',
	destination: 'dst',
	result: 'res',
	link: 'lnk',
	notification: 'ntf',
	calendar: 'cal',
	backfill: 'bkf',
	key: 'key',
	engine: 'eng',
	request: 'req',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;
export type Id<K extends IdKind> = `${(typeof ID_PREFIXES)[K]}_${string}`;

export type ScheduleId = Id<'schedule'>;
export type RunId = Id<'run'>;
export type DeliveryId = Id<'delivery'>;
export type DestinationId = Id<'destination'>;
export type ResultId = Id<'result'>;
export type LinkId = Id<'link'>;
export type NotificationId = Id<'notification'>;
export type CalendarId = Id<'calendar'>;
export type BackfillId = Id<'backfill'>;
export type KeyId = Id<'key'>;
export type EngineId = Id<'engine'>;

export type NewId = <K extends IdKind>(kind: K) => Id<K>;

/** A zod schema for an id of one kind. */
export function idSchema<K extends IdKind>(kind: K): z.ZodType<Id<K>, string> {
	const pattern = new RegExp(`^${ID_PREFIXES[kind]}_[0-9a-hjkmnp-tv-z]{26}$`);
	return z
		.string()
		.regex(pattern, `an id like ${ID_PREFIXES[kind]}_01j…`)
		.transform((id) => id as Id<K>)
		.meta({ pattern: pattern.source });
}
