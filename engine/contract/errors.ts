/**
 * Errors of the engine. Every error that leaves the engine carries a stable code, the HTTP status that
 * it maps to, and a verdict on retrying. Messages name the place, what was expected and what came;
 * they never contain internals.
 */

/** Whether doing the same thing again can help. `later` honours `retryAfter` where it is known. */
export type RetryVerdict = 'never' | 'later';

/** One place in the input that is wrong. `path` uses dots and brackets: `delivery.targets[0].format`. */
export interface InputIssue {
	path: string;
	expected: string;
	/** The value that came, shortened; secrets never appear here. */
	received?: string | undefined;
}

/**
 * The closed set of codes. The value is the HTTP status with which a REST answer carries the code;
 * codes that only describe attempts (never answers) have status 502 or 504.
 */
export const ERROR_STATUS = {
	// input
	INVALID_REQUEST: 400,
	INVALID_JSON: 400,
	DUPLICATE_KEY: 400,
	FORBIDDEN_KEY: 400,
	TOO_DEEP: 400,
	NOT_UTF8: 400,
	UNSUPPORTED_FIELD: 400,
	BODY_TOO_LARGE: 413,
	UNSUPPORTED_MEDIA_TYPE: 415,
	NOT_ACCEPTABLE: 406,
	INVALID_TIMING: 422,
	INVALID_POLICIES: 422,
	INVALID_PARAMETERS: 422,
	INVALID_SCHEMA: 422,
	INTERVAL_TOO_SMALL: 422,
	OCCURRENCE_UNKNOWN: 422,
	TOO_MANY_OCCURRENCES: 422,
	SIMULATION_TOO_LARGE: 422,
	TEMPLATE_INVALID: 422,
	PATH_INVALID: 422,
	EGRESS_BLOCKED: 422,
	MODULE_UNKNOWN: 422,
	FILE_ROOT_FORBIDDEN: 422,
	FORMAT_UNKNOWN: 422,
	FORMAT_UNSUITABLE: 422,
	CHANNEL_UNKNOWN: 422,
	DESTINATION_UNKNOWN: 422,
	ACTION_UNKNOWN: 422,
	BINDING_INVALID: 422,
	RANGE_NOT_SATISFIABLE: 416,
	// who
	UNAUTHENTICATED: 401,
	TOKEN_INVALID: 401,
	FORBIDDEN: 403,
	CROSS_SITE: 403,
	NOT_FOUND: 404,
	METHOD_NOT_ALLOWED: 405,
	GONE: 410,
	// state
	CONFLICT: 409,
	NAME_TAKEN: 409,
	IN_USE: 409,
	IDEMPOTENCY_IN_FLIGHT: 409,
	RUN_OVER: 409,
	OCCURRENCE_DECIDED: 409,
	STALE_EPOCH: 409,
	IDEMPOTENCY_MISMATCH: 422,
	PRECONDITION_FAILED: 412,
	RATE_LIMITED: 429,
	QUOTA_EXCEEDED: 429,
	// the engine
	INTERNAL: 500,
	STORAGE_FULL: 503,
	STORAGE_UNAVAILABLE: 503,
	DRAINING: 503,
	// how attempts of runs and deliveries end
	TARGET_UNREACHABLE: 502,
	TARGET_REFUSED: 502,
	TARGET_BUSY: 502,
	TARGET_FAULT: 502,
	TARGET_REDIRECT: 502,
	TARGET_PROTOCOL: 502,
	TARGET_GONE: 502,
	TARGET_DISABLED: 502,
	CIRCUIT_OPEN: 502,
	TARGET_LOGIN_FAILED: 502,
	TARGET_FULL: 502,
	HOST_KEY_MISMATCH: 502,
	RESULT_TOO_LARGE: 502,
	RESULT_INVALID: 502,
	CAPABILITY_FAILED: 502,
	CAPABILITY_MISSING: 502,
	OUTCOME_UNKNOWN: 502,
	TIMEOUT: 504,
	DEADLINE_EXCEEDED: 504,
	HEARTBEAT_LOST: 504,
	CANCELLED: 502,
	FENCED: 409,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface CapErrorOptions {
	/** Default `never`. */
	retry?: RetryVerdict;
	/** Milliseconds to wait before trying again, where the other side said so. */
	retryAfter?: number;
	issues?: readonly InputIssue[];
	/** Kept for the log, never sent to a client. */
	cause?: unknown;
}

export class CapError extends Error {
	readonly code: ErrorCode;
	readonly retry: RetryVerdict;
	readonly retryAfter: number | undefined;
	readonly issues: readonly InputIssue[];

	constructor(code: ErrorCode, message: string, options: CapErrorOptions = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.name = 'CapError';
		this.code = code;
		this.retry = options.retry ?? 'never';
		this.retryAfter = options.retryAfter;
		this.issues = options.issues ?? [];
	}

	get status(): number {
		return ERROR_STATUS[this.code];
	}
}

/** An error about one place in the input. */
export function inputError(code: ErrorCode, issue: InputIssue): CapError {
	const came = issue.received === undefined ? '' : `, got ${issue.received}`;
	return new CapError(code, `${issue.path}: expected ${issue.expected}${came}`, {
		issues: [issue],
	});
}

/** Makes the compiler prove that a union is exhausted. */
export function assertNever(value: never): never {
	throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
