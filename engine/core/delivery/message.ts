import type { JsonObject, JsonValue } from '../../contract/json.ts';
import type { Message } from '../../contract/message.ts';

/** How a title ends, by the state of the run. */
const ENDS: Readonly<Record<string, string>> = {
	succeeded: 'succeeded',
	failed: 'failed',
	cancelled: 'was cancelled',
	expired: 'expired',
};

/** Longer values are shortened: it is a message, the JSON beside it has all. */
const MAX_VALUE = 300;

/**
 * The body of a notification as a message for people. It is read from the body and from nothing else, so that
 * every attempt says the same.
 */
export function messageOf(body: JsonObject): Message {
	const data = objectOf(body['data']);
	const schedule = objectOf(data['schedule']);
	const late = body['type'] === 'sla.missed';
	const state = textOf(data['state']) ?? 'unknown';
	const name =
		textOf(schedule['name']) ??
		`${textOf(data['capability']) ?? ''} ${textOf(data['action']) ?? ''}`;
	const deliveries = Array.isArray(data['deliveries']) ? data['deliveries'].map(objectOf) : [];
	const undelivered = deliveries.filter(
		(delivery) => delivery['state'] === 'dead' || delivery['state'] === 'discarded',
	);
	const good = !late && state === 'succeeded' && undelivered.length === 0;
	const url = textOf(data['resultUrl']);
	return {
		title: line(`${name} ${late ? 'is late' : (ENDS[state] ?? state)}`),
		tone: good ? 'good' : 'bad',
		facts: factsOf(data, { late, undelivered }).map(([fact, value]) => [fact, line(value)]),
		link: url === null ? null : { url, expiresAt: textOf(data['resultUrlExpiresAt']) },
	};
}

function factsOf(
	data: JsonObject,
	{ late, undelivered }: { late: boolean; undelivered: readonly JsonObject[] },
): [string, string][] {
	const error = objectOf(data['error']);
	const sla = objectOf(data['sla']);
	const result = objectOf(data['result']);
	const code = textOf(error['code']);
	const facts: [string, string | null][] = [
		['Run', textOf(data['runId'])],
		['Due', textOf(data['nominalAt'])],
		['Ended', textOf(data['endedAt'])],
		['Attempts', textOf(data['attempts'])],
		['Error', code === null ? null : `${code}: ${textOf(error['message']) ?? ''}`],
		['Rows', textOf(result['rows'])],
		['Promised by', late ? textOf(sla['dueAt']) : null],
		...undelivered.map((delivery): [string, string] => {
			const why = objectOf(delivery['error']);
			const words = `${textOf(why['code']) ?? ''}: ${textOf(why['message']) ?? ''}`;
			return [`Target ${textOf(delivery['target']) ?? ''} not reached`, words];
		}),
	];
	return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

function objectOf(value: JsonValue | undefined): JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function textOf(value: JsonValue | undefined): string | null {
	return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/** One line, without what would break lines or turn the reading direction. */
function line(text: string): string {
	const flat = text
		.toWellFormed()
		.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
		.trim();
	const characters = [...flat];
	return characters.length > MAX_VALUE ? `${characters.slice(0, MAX_VALUE).join('')}…` : flat;
}
