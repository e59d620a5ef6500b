import type { JsonObject, JsonValue } from '../contract/json.ts';
import { faint, printable, say, sayFields, sayTable, strong } from './terminal.ts';

/** Lists of a run that are shown as tables, with their columns. */
const TABLES = {
	attempts: ['attempt', 'outcome', 'startedAt', 'endedAt', 'error'],
	deliveries: ['id', 'target', 'channel', 'format', 'state', 'attempt', 'error'],
	notifications: ['id', 'notify', 'state', 'attempt', 'status', 'error'],
	links: ['id', 'format', 'expiresAt', 'uses', 'maxUses', 'revokedAt'],
} as const;

/** Told otherwise: by the tables, or by the times above them. */
const LEFT_OUT = new Set<string>([...Object.keys(TABLES), 'timeline', 'result', 'resultId']);

/** A run for people: its fields, its result, and a table for each list that is not empty. */
export function sayRun(run: JsonObject): void {
	const { result, error, sla } = run;
	const fields = Object.entries(run).filter(([name]) => !LEFT_OUT.has(name));
	sayFields({
		...Object.fromEntries(fields),
		...(isObject(error) ? { error: failureText(error) } : {}),
		...(isObject(sla) ? { sla: slaText(sla) } : {}),
		...(isObject(result) ? { result: resultText(result) } : {}),
	});
	for (const [name, columns] of Object.entries(TABLES)) {
		const items = run[name];
		if (!Array.isArray(items) || items.length === 0) continue;
		say(`\n${strong(name)}`);
		sayTable(items.filter(isObject).map(withFailure), columns);
	}
	if (run['state'] !== 'succeeded') return;
	say(`\n${faint(`capscheduler runs result ${printable(run['id'])} -o result.json`)}`);
}

/** A delivery with its attempts. */
export function sayDelivery(delivery: JsonObject): void {
	const { attempts, error } = delivery;
	const fields = Object.entries(delivery).filter(([name]) => name !== 'attempts');
	sayFields({
		...Object.fromEntries(fields),
		...(isObject(error) ? { error: failureText(error) } : {}),
	});
	if (!Array.isArray(attempts) || attempts.length === 0) return;
	say(`\n${strong('attempts')}`);
	sayTable(attempts.filter(isObject).map(withFailure), TABLES.attempts);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** For tables: the error as one line. */
export function withFailure(item: JsonObject): JsonObject {
	return isObject(item['error']) ? { ...item, error: failureText(item['error']) } : item;
}

function failureText({ code, message }: JsonObject): string {
	return `${printable(message)} (${printable(code)})`;
}

function slaText({ state, dueAt, settledAt }: JsonObject): string {
	const known = settledAt === null ? '' : `, known ${printable(settledAt)}`;
	return `${printable(state)} (by ${printable(dueAt)}${known})`;
}

function resultText({ contentType, size, rows }: JsonObject): string {
	const count = typeof rows === 'number' ? `, ${rows} ${rows === 1 ? 'row' : 'rows'}` : '';
	return `${printable(contentType)}, ${printable(size)} bytes${count}`;
}
