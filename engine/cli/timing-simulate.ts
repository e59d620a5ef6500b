import { systemClock } from '../clock.ts';
import { NO_CALENDARS } from '../contract/calendar.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonObject, JsonValue } from '../contract/json.ts';
import { simulateInputSchema } from '../contract/simulate-requests.ts';
import { parseInput } from '../contract/zod-issues.ts';
import { simulateRequest } from '../pipeline/simulate.ts';
import type { Globals } from './arguments.ts';
import { readJson } from './arguments.ts';
import { createApi } from './client.ts';
import { readable } from './draw.ts';
import { CliError, EXIT } from './exit.ts';
import { faint, printable, say, sayJson, sayTable, strong } from './terminal.ts';

/** As an engine without settings has it. */
const CONCURRENCY = 256;
const SMALLEST_INTERVAL = 1000;
const WIDTH = 72;

export async function simulate(file: string, options: { limit: number } & Globals): Promise<void> {
	const body = await readJson(file);
	const answer = needsEngine(body)
		? await createApi(options).call('POST', '/v1/simulate', { body })
		: await play(body);
	if (options.json === true) sayJson(answer);
	else show(answer, body, options.limit);
}

function needsEngine({ schedules }: JsonObject): boolean {
	return (
		Array.isArray(schedules) &&
		schedules.some((each) => isObject(each) && Object.hasOwn(each, 'scheduleId'))
	);
}

function isObject(value: JsonValue): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function play(body: JsonObject): Promise<JsonObject> {
	try {
		return await simulateRequest(parseInput(simulateInputSchema, body), {
			now: systemClock.now(),
			smallestInterval: SMALLEST_INTERVAL,
			concurrency: CONCURRENCY,
			named: () => Promise.resolve(NO_CALENDARS),
			find: () => Promise.reject(new Error('without an engine there are no schedules')),
		});
	} catch (error) {
		if (!(error instanceof CapError) || error.status >= 500) throw error;
		const { code, issues } = error;
		throw new CliError(EXIT.usage, error.message, { data: { code, errors: issues } });
	}
}

function show(answer: JsonObject, body: JsonObject, limit: number): void {
	const schedules = answer['schedules'] as JsonObject[];
	const all = schedules.flatMap(({ occurrences }) => occurrences as JsonObject[]);
	const times = all
		.flatMap(({ nominalAt, run }) => [
			Date.parse(printable(nominalAt)),
			...(run === null ? [] : [(run as JsonObject)['endedAt']]).map((at) =>
				Date.parse(printable(at)),
			),
		])
		.filter(Number.isFinite);
	const from = typeof body['from'] === 'string' ? Date.parse(body['from']) : Math.min(...times);
	const to = Math.max(Date.parse(printable(body['to'])), ...times);
	const names = Math.max(0, ...schedules.map(({ name }) => printable(name).length));
	for (const { name, occurrences } of schedules) {
		say(`${printable(name).padEnd(names)}  ${lane(occurrences as JsonObject[], from, to)}`);
	}
	say(faint(`${''.padEnd(names)}  ${KEY}\n`));
	for (const { name, occurrences, totals } of schedules)
		showOne(printable(name), occurrences as JsonObject[], { totals: totals as JsonObject, limit });
}

const KEY = '█ running   ▒ waiting   x skipped   m missed   c coalesced   ? undecided';

/** Later ones win: what runs is seen best. */
function lane(occurrences: readonly JsonObject[], from: number, to: number): string {
	const cells = Array.from({ length: WIDTH }, () => '·');
	const column = (at: number): number =>
		Math.min(WIDTH - 1, Math.max(0, Math.floor(((at - from) / Math.max(1, to - from)) * WIDTH)));
	const fill = (start: number, end: number, mark: string): void => {
		for (let i = column(start); i <= column(end); i++) if (cells[i] !== '█') cells[i] = mark;
	};
	for (const { nominalAt, dueAt, outcome, run } of occurrences) {
		const at = Date.parse(printable(nominalAt));
		if (run === null) {
			fill(at, at, markOf(printable(outcome)));
			continue;
		}
		const { startedAt, endedAt } = run as JsonObject;
		const due = Date.parse(printable(dueAt));
		const started = startedAt === null ? to : Date.parse(printable(startedAt));
		if (started > due) fill(due, started, '▒');
		if (startedAt !== null)
			fill(started, endedAt === null ? to : Date.parse(printable(endedAt)), '█');
	}
	return cells.join('');
}

function markOf(outcome: string): string {
	if (outcome === '-') return '?';
	if (outcome === 'missed' || outcome === 'coalesced') return outcome.charAt(0);
	return 'x';
}

function showOne(
	name: string,
	occurrences: readonly JsonObject[],
	{ totals, limit }: { totals: JsonObject; limit: number },
): void {
	const { outcomes, runs, busy, longestWait, mostAtOnce } = totals;
	say(`${strong(name)}  ${counts(outcomes as JsonObject)}; runs: ${counts(runs as JsonObject)}`);
	say(
		faint(
			`busy for ${printable(busy)}, waited ${printable(longestWait)} at most, ${printable(mostAtOnce)} at once at most`,
		),
	);
	sayTable(
		occurrences.slice(0, limit).map((one) => ({
			...one,
			instant: readable(printable(one['local'])),
			...(one['run'] === null ? {} : flat(one['run'] as JsonObject)),
		})),
		['instant', 'outcome', 'lateness', 'began', 'ended', 'state', 'reason'],
	);
	const more = occurrences.length - limit;
	if (more > 0) say(faint(`and ${more} more: --limit ${occurrences.length}`));
	say('');
}

const flat = ({ startedAt, endedAt, state }: JsonObject): JsonObject => ({
	began: short(startedAt ?? null),
	ended: short(endedAt ?? null),
	state: state ?? null,
});

/** By the engine's clock, in UTC. */
const short = (at: JsonValue): JsonValue =>
	typeof at === 'string' ? at.slice(5, 19).replace('T', ' ') : null;

function counts(of: JsonObject): string {
	const all = Object.entries(of);
	if (all.length === 0) return 'none';
	return all.map(([name, count]) => `${printable(count)} ${name.replaceAll('_', ' ')}`).join(', ');
}
