import { ERROR_STATUS } from '../contract/errors.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { GeneratedFile } from './generated-file.ts';

/** What each code means, and what helps. The compiler sees that none is missing. */
const MEANINGS: Readonly<Record<ErrorCode, string>> = {
	INVALID_REQUEST: 'A field, query or header is not as expected. `errors` names each place.',
	INVALID_JSON:
		'The body is not JSON, or has a number whose digits a double would lose; send such a number as text.',
	DUPLICATE_KEY: 'An object in the body has the same key twice.',
	FORBIDDEN_KEY: 'An object in the body has a key that is never accepted, like `__proto__`.',
	TOO_DEEP: 'The body is nested more than 32 levels deep.',
	NOT_UTF8: 'The body is not valid UTF-8.',
	UNSUPPORTED_FIELD:
		'The field exists in the API, but this version has not built it yet. It is refused, never ignored.',
	BODY_TOO_LARGE: 'The body is larger than allowed, counted after decompression.',
	UNSUPPORTED_MEDIA_TYPE:
		'The body is not of a content type that the route takes; mostly `application/json`.',
	NOT_ACCEPTABLE: 'The answer cannot be given in what `Accept` asks for.',
	INVALID_TIMING:
		'The timing contradicts itself or has no occurrence: a date that does not exist, an unknown zone, an end in the past.',
	INVALID_POLICIES:
		'Policies contradict each other or the timing, for example a heartbeat that is no shorter than the timeout.',
	INVALID_PARAMETERS: "The parameters do not match the action's JSON Schema.",
	INVALID_SCHEMA: 'The JSON Schema in the manifest cannot be used.',
	INTERVAL_TOO_SMALL: 'The schedule would be due more often than `CAPSCHEDULER_SMALLEST_INTERVAL`.',
	OCCURRENCE_UNKNOWN:
		'The schedule has no occurrence to come at that instant, or none that the act could be done to. `errors` names the nearest.',
	TOO_MANY_OCCURRENCES:
		'The range holds more occurrences than one backfill may have; the message says how many.',
	SIMULATION_TOO_LARGE:
		'The simulation would have more instants or attempts than one answer may; the message says how many.',
	TEMPLATE_INVALID: 'A template names something that it may not, or is malformed.',
	PATH_INVALID:
		'A file name or folder holds what it may not: `..`, a separator, a control character.',
	EGRESS_BLOCKED:
		'The target is an address that must not be called, like a private network. `CAPSCHEDULER_EGRESS_ALLOW` lets the operator open it.',
	MODULE_UNKNOWN: 'No module of that name is in `CAPSCHEDULER_MODULES`.',
	FILE_ROOT_FORBIDDEN:
		'The folder is not below one of `CAPSCHEDULER_FILE_ROOTS` or `CAPSCHEDULER_SQLITE_ROOTS`.',
	FORMAT_UNKNOWN: 'There is no such format; `GET /v1/formats` lists them.',
	FORMAT_UNSUITABLE: 'The result cannot be shown in that format, for example bytes as CSV.',
	CHANNEL_UNKNOWN: 'There is no such channel; `GET /v1/channels` lists them.',
	DESTINATION_UNKNOWN: 'There is no destination of that name or id.',
	ACTION_UNKNOWN: 'The capability has no such action.',
	BINDING_INVALID:
		'The binding of the capability is not as its type demands (`GET /v1/bindings` has the schemas), or its database file does not exist.',
	RANGE_NOT_SATISFIABLE: 'The range lies beyond the end of the file.',
	UNAUTHENTICATED: 'No key, or one that is wrong, revoked or expired.',
	TOKEN_INVALID: "The attempt's token is missing or forged.",
	FORBIDDEN: 'The key is good, but lacks the scope or may not use the capability.',
	CROSS_SITE: 'A browser sent this request from a page of another site.',
	NOT_FOUND: 'There is no such thing, or it belongs to another tenant.',
	METHOD_NOT_ALLOWED: 'The path knows other methods; `Allow` lists them.',
	GONE: 'It was there: a link that is expired, used up or revoked, a result past its retention.',
	CONFLICT: 'Its state does not allow this now.',
	NAME_TAKEN: 'Another one has this name.',
	IN_USE: 'Something that is active still uses it.',
	IDEMPOTENCY_IN_FLIGHT:
		'A request with the same `Idempotency-Key` is under way; try again in a moment.',
	RUN_OVER: 'The run has ended already.',
	OCCURRENCE_DECIDED: 'The occurrence has become something already; the message says what.',
	STALE_EPOCH: 'A later attempt of the run has begun; this one no longer counts.',
	IDEMPOTENCY_MISMATCH: 'The same `Idempotency-Key` came before with another request.',
	PRECONDITION_FAILED: 'It has changed since: `If-Match` names another revision.',
	RATE_LIMITED: 'Too many requests; `Retry-After` says when to go on.',
	QUOTA_EXCEEDED: 'A limit of the tenant is reached.',
	INTERNAL: 'A fault of the engine. The log has the details under the same `requestId`.',
	STORAGE_FULL: 'There is no room left on the disk. Nothing was changed.',
	STORAGE_UNAVAILABLE: 'The store does not answer or cannot be opened.',
	DRAINING:
		'The engine is shutting down and takes no new work; `Retry-After` says when to ask again.',
	TARGET_UNREACHABLE:
		'No connection: name not found, refused, reset, or the certificate is not good.',
	TARGET_LOGIN_FAILED:
		'The other side did not take the user name, password or key of the destination. Tried again, since credentials get mended.',
	TARGET_FULL: 'The other side has no room left: its disk is full or a quota is used up.',
	HOST_KEY_MISMATCH:
		'The SFTP server showed another host key than the pinned one. Nothing was sent to it, not even the user name.',
	TARGET_REFUSED: 'The other side answered 4xx: trying again would not help.',
	TARGET_BUSY: 'The other side answered 408, 425 or 429: tried again, later.',
	TARGET_FAULT: 'The other side answered 5xx: tried again.',
	TARGET_REDIRECT: 'The other side answered 3xx. Redirects are never followed.',
	TARGET_PROTOCOL: 'The other side does not keep to the protocol.',
	TARGET_GONE: 'The other side answered 410: it is switched off.',
	TARGET_DISABLED: 'The endpoint was switched off after an earlier 410.',
	CIRCUIT_OPEN:
		'Nothing was sent: the destination failed too often in a row, and is tried again later, by one delivery first.',
	RESULT_TOO_LARGE:
		'The result is larger than `CAPSCHEDULER_MAX_RESULT_BYTES`, or one row of it is larger than the engine takes.',
	RESULT_INVALID: 'The result is not what its content type says.',
	CAPABILITY_FAILED: 'The capability said itself that it failed; `detail` has its own code.',
	CAPABILITY_MISSING: 'The capability or its action has been removed since.',
	OUTCOME_UNKNOWN:
		'The engine was lost between the request and the reply; what happened is not known. See `onUnknown`.',
	TIMEOUT: "The attempt took longer than the policy's `timeout`.",
	DEADLINE_EXCEEDED: 'An asynchronous capability did not call back in time.',
	HEARTBEAT_LOST: 'The capability gave no sign of life for as long as `policies.heartbeat` allows.',
	CANCELLED: 'Someone cancelled it.',
	FENCED: 'Another engine has taken over; what this one did no longer counts.',
};

const HEAD = `# Errors

<!-- Generated by \`node engine/scripts/generate-docs.ts\`; do not edit. -->

Every error answer is \`application/problem+json\` (RFC 9457) with a \`code\` that does not change, a \`detail\` for people
and, for bad input, \`errors\`: the path, what was expected and what came.

\`\`\`json
{
  "type": "urn:capscheduler:problem:interval-too-small",
  "title": "Interval too small",
  "status": 422,
  "detail": "timing.every: expected at least 1s between occurrences, got 100ms",
  "code": "INTERVAL_TOO_SMALL",
  "errors": [{ "path": "timing.every", "expected": "at least 1s between occurrences", "received": "100ms" }],
  "requestId": "req_01kbrj7v2x9m4c8d1e5f6g7h8j"
}
\`\`\`
`;

const ATTEMPTS_ONLY = new Set([502, 504]);

export function errorsDocs(): GeneratedFile[] {
	const codes = Object.keys(ERROR_STATUS) as ErrorCode[];
	const answers = codes.filter((code) => !ATTEMPTS_ONLY.has(ERROR_STATUS[code]));
	const attempts = codes.filter((code) => ATTEMPTS_ONLY.has(ERROR_STATUS[code]));
	const byStatus = answers.toSorted((a, b) => ERROR_STATUS[a] - ERROR_STATUS[b]);
	const text = [
		HEAD,
		'## Answers\n',
		'| status | code | meaning |\n| --- | --- | --- |',
		...byStatus.map((code) => `| ${ERROR_STATUS[code]} | \`${code}\` | ${MEANINGS[code]} |`),
		'\n## How attempts end\n',
		'These are never answers: they stand in runs, deliveries and notifications, as `error.code`.\n',
		'| code | meaning |\n| --- | --- |',
		...attempts.map((code) => `| \`${code}\` | ${MEANINGS[code]} |`),
		'',
	].join('\n');
	return [{ path: 'docs/errors.md', text }];
}
