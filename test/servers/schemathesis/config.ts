/** What exists in the engine, so that requests get beyond "not found". */
export interface Given {
	/** The admin key. */
	key: string;
	delivery: string;
	/** A dead letter: it can be discarded once. */
	dead: string;
	/** A run that is cancelled: to cancel it again is accepted. */
	cancelled: string;
	/** A schedule that goes on. */
	schedule: string;
	backfill: string;
	/** Of a result link. */
	linkToken: string;
	/** Runs whose capability works on, one for each thing that it may say, with their tokens. */
	sessions: Record<string, { id: string; token: string }>;
}

/** A JSON string is a basic string of TOML. */
const text = (value: string): string => JSON.stringify(value);

/** The configuration of schemathesis, as TOML. */
export function configuration(hooks: string, given: Given): string {
	const { key, sessions } = given;
	return [
		`hooks = ${text(hooks)}`,
		'continue-on-failure = true',
		'request-timeout = 20',
		`headers = { Authorization = ${text(`Bearer ${key}`)} }`,
		'[generation]',
		'database = "none"',
		'[cache]',
		'enabled = false',
		...Object.entries(knownValues(given)).flatMap(([operation, values]) =>
			knownTo(operation, values),
		),
		...Object.entries(sessions).flatMap(([verb, { id, token }]) => [
			...knownTo(`${verb}Session`, { 'path.runId': id }),
			`headers = { Authorization = ${text(`Bearer ${token}`)} }`,
		]),
		// the stream of events has no end: only its other form, pages, can be judged
		'[[operations]]',
		'include-operation-id = "readEvents"',
		'headers = { Accept = "application/json" }',
		'',
	].join('\n');
}

/** Values that mean something, by operation and place. */
function knownValues({
	cancelled,
	delivery,
	dead,
	linkToken,
	schedule,
	backfill,
}: Given): Record<string, Record<string, string>> {
	return {
		createSchedule: {
			'path.capability': 'reports',
			'body.capability': 'reports',
			'body.action': 'now',
			'body.frequency': '@daily',
			'body.time': 'in 10m',
			'body.timing.cron': '0 9 * * 1-5',
			'body.timing.timeZone': 'Europe/Berlin',
			'body.delivery.format': 'csv',
			'body.delivery.mode': 'pull',
		},
		pauseSchedule: ANY_REVISION,
		resumeSchedule: ANY_REVISION,
		deleteSchedule: ANY_REVISION,
		updateSchedule: { 'path.id': schedule, ...ANY_REVISION },
		explainOccurrence: { 'path.id': schedule },
		listBackfills: { 'path.id': schedule },
		skipOccurrences: { 'path.id': schedule },
		createBackfill: {
			'path.id': schedule,
			'body.from': '2026-01-01T00:00:00Z',
			'body.to': '2026-01-05T00:00:00Z',
		},
		getBackfill: { 'path.id': backfill },
		cancelBackfill: { 'path.id': backfill },
		getCalendar: CALENDAR,
		replaceCalendar: { ...CALENDAR, ...ANY_REVISION },
		deleteCalendar: { 'path.idOrName': 'spare', ...ANY_REVISION },
		listCalendarVersions: CALENDAR,
		getCalendarVersion: { ...CALENDAR, 'path.version': '1' },
		listCalendarDays: CALENDAR,
		listHolidayCountries: { 'query.country': 'DE' },
		invokeAction: { 'path.name': 'reports', 'path.action': 'now', 'body.delivery.mode': 'pull' },
		putCapability: { 'path.name': 'standing', ...ANY_REVISION },
		deleteCapability: { 'path.name': 'spare', ...ANY_REVISION },
		replaceDestination: ANY_REVISION,
		deleteDestination: ANY_REVISION,
		cancelRun: { 'path.id': cancelled },
		getDelivery: { 'path.id': delivery },
		replayDelivery: { 'path.id': delivery },
		discardDelivery: { 'path.id': dead },
		openLink: { 'path.token': linkToken },
	};
}

const CALENDAR = { 'path.idOrName': 'standing' };
const ANY_REVISION = { 'header.if-match': '*' };

/** In most requests the place has a value that exists; in the others one that is made up. */
function knownTo(operation: string, values: Record<string, string>): string[] {
	const places = Object.entries(values).map(([place, value]) => ({
		place,
		value,
		dictionary: `${operation}-${place.replaceAll('.', '-')}`,
	}));
	return [
		...places.flatMap(({ dictionary, value }) => [
			`[dictionaries.${dictionary}]`,
			`values = [${text(value)}]`,
		]),
		'[[operations]]',
		`include-operation-id = ${text(operation)}`,
		`parameters = { ${places
			.map(
				({ place, dictionary }) =>
					`${text(place)} = { dictionary = ${text(dictionary)}, probability = 0.8 }`,
			)
			.join(', ')} }`,
	];
}
