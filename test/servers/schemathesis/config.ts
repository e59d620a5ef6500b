/** What exists in the engine, so that requests get beyond "not found". */
export interface Given {
	/** The admin key. */
	key: string;
	delivery: string;
	/** Of a result link. */
	linkToken: string;
	/** Runs whose capability works on, one for each thing that it may say, with their tokens. */
	sessions: Record<string, { id: string; token: string }>;
}

/** A JSON string is a basic string of TOML. */
const text = (value: string): string => JSON.stringify(value);

/** In most requests the parameter has a value that exists; in the others one that is made up. */
const known = (parameter: string, dictionary: string, value: string) => ({
	definition: `[dictionaries.${dictionary}]\nvalues = [${text(value)}]`,
	use: `${text(`path.${parameter}`)} = { dictionary = ${text(dictionary)}, probability = 0.8 }`,
});

/** The configuration of schemathesis, as TOML. */
export function configuration(hooks: string, { key, delivery, linkToken, sessions }: Given): string {
	const places: [string, ReturnType<typeof known>[], token?: string][] = [
		['createSchedule', [known('capability', 'capability', 'reports')]],
		['invokeAction', [known('name', 'name', 'reports'), known('action', 'action', 'now')]],
		['deleteCapability', [known('name', 'spare', 'spare')]],
		['getDelivery', [known('id', 'delivery', delivery)]],
		['replayDelivery', [known('id', 'delivery-again', delivery)]],
		['openLink', [known('token', 'link', linkToken)]],
		...Object.entries(sessions).map(
			([verb, { id, token }]): [string, ReturnType<typeof known>[], string] => [
				`${verb}Session`,
				[known('runId', `run-${verb}`, id)],
				token,
			],
		),
	];
	return [
		`hooks = ${text(hooks)}`,
		'continue-on-failure = true',
		'request-timeout = 20',
		`headers = { Authorization = ${text(`Bearer ${key}`)} }`,
		// an operation that was never reached shows nothing
		'warnings = { fail-on = ["missing_auth", "missing_test_data", "rate_limited"] }',
		'[generation]',
		'database = "none"',
		...places.flatMap(([, parameters]) => parameters.map(({ definition }) => definition)),
		...places.flatMap(([operation, parameters, token]) => [
			'[[operations]]',
			`include-operation-id = ${text(operation)}`,
			`parameters = { ${parameters.map(({ use }) => use).join(', ')} }`,
			...(token === undefined ? [] : [`headers = { Authorization = ${text(`Bearer ${token}`)} }`]),
		]),
		// the stream of events has no end: only its other form, pages, can be judged
		'[[operations]]',
		'include-operation-id = "readEvents"',
		'headers = { Accept = "application/json" }',
		'',
	].join('\n');
}
