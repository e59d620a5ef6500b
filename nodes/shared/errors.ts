import type { INode } from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

/** RFC 9457, as the engine answers. */
interface Problem {
	status: number;
	code: string;
	detail: string;
	errors: { path: string; expected: string; received?: string }[];
	requestId?: string;
}

/** What the user can do about it, by the engine's stable code. */
const REMEDIES: Readonly<Record<string, string>> = {
	UNAUTHENTICATED:
		'The API key in the credential is wrong, revoked or expired. Make one with "capscheduler keys create" and put it into the credential.',
	FORBIDDEN:
		'The key may not do this. Make one with the scope that is named and put it into the credential.',
	EGRESS_BLOCKED:
		"The engine refuses to connect to that address. If it is meant to, let its operator add the host to CAPSCHEDULER_EGRESS_ALLOW; for a trigger that is the host of n8n's webhook URL (WEBHOOK_URL).",
	RATE_LIMITED: 'Too many requests with this key. Turn on "Retry On Fail" in the node\'s settings.',
	DRAINING: 'The engine is restarting. Turn on "Retry On Fail" in the node\'s settings.',
	STORAGE_FULL: "The engine's disk is full. Its operator has to make room.",
	INVALID_PARAMETERS: "Set the parameters as the action's JSON Schema asks.",
	ACTION_UNKNOWN: 'Choose one of the actions from the list.',
	CAPABILITY_FAILED: 'The capability itself reported this. Look at the run for its attempts.',
	DESTINATION_UNKNOWN: 'Choose one of the destinations from the list, or create it first.',
	CHANNEL_UNKNOWN: 'Choose one of the channels that this engine has.',
	FORMAT_UNKNOWN: 'Choose one of the formats that this engine has.',
	FORMAT_UNSUITABLE: 'Data that is no rows keeps its form: use the format "Raw".',
	INTERVAL_TOO_SMALL:
		'The engine does not run schedules this often. Its operator can lower the smallest interval.',
	IDEMPOTENCY_IN_FLIGHT: 'The same request is still under way. Try again in a moment.',
	GONE: 'It was there once. Its time is over, or it was removed.',
	IN_USE: 'Delete or change what uses it first.',
	PRECONDITION_FAILED: 'Somebody else changed it meanwhile. Read it again and repeat.',
	BODY_TOO_LARGE: 'Send less at once, or let the operator raise the limit of the engine.',
};

const REFUSED =
	'Is the engine running, and is the URL in the credential the one that n8n reaches it by? In Docker, 127.0.0.1 is the container of n8n itself: use the name of the service.';

/** By the network error's code. */
const UNREACHABLE: Readonly<Record<string, string>> = {
	ECONNREFUSED: REFUSED,
	ECONNRESET: 'The connection broke off. Turn on "Retry On Fail" in the node\'s settings.',
	ENOTFOUND: 'There is no such host. Check the engine URL in the credential.',
	EAI_AGAIN: 'The host name cannot be looked up. Check the engine URL in the credential.',
	ECONNABORTED: 'No answer in time. Is the engine overloaded, or a proxy in between too slow?',
	ETIMEDOUT: 'No answer in time. Is a firewall between n8n and the engine?',
	CERT_HAS_EXPIRED: "The engine's certificate has expired.",
	DEPTH_ZERO_SELF_SIGNED_CERT:
		"The engine's certificate is self-signed: give n8n its authority by NODE_EXTRA_CA_CERTS.",
};

/** n8n's own protection refused to make the request. */
const BLOCKED = 'The request was blocked because';
const UNBLOCK =
	"n8n itself forbids this address (N8N_SSRF_PROTECTION_ENABLED). If it is the engine's, let n8n's operator add it to N8N_SSRF_ALLOWED_HOSTNAMES or N8N_SSRF_ALLOWED_IP_RANGES.";

export interface ErrorPlace {
	node: INode;
	itemIndex?: number | undefined;
}

/** The engine's answer that says no. */
export function problemError(
	{ node, itemIndex }: ErrorPlace,
	{ status, location, body }: { status: number; location?: string | undefined; body: unknown },
): NodeApiError {
	const problem = readProblem(body, { status, location });
	const places = problem.errors.map(
		({ path, expected, received }) =>
			`${path}: expected ${expected}${received === undefined ? '' : `, got ${received}`}`,
	);
	const remedy = REMEDIES[problem.code];
	const lines = [
		...(remedy === undefined ? [] : [remedy]),
		...(places.length > 1 || (places[0] !== undefined && !problem.detail.includes(places[0]))
			? places
			: []),
		`Code ${problem.code}${problem.requestId === undefined ? '' : `, request ${problem.requestId}`}`,
	];
	return new NodeApiError(
		node,
		{ ...problem },
		{
			message: problem.detail,
			description: lines.join('\n'),
			httpCode: String(status),
			...(itemIndex === undefined ? {} : { itemIndex }),
		},
	);
}

/** No answer came. */
export function unreachableError(
	{ node, itemIndex }: ErrorPlace,
	url: string,
	cause: unknown,
): NodeApiError {
	const code = networkCode(cause);
	const message = cause instanceof Error ? cause.message : String(cause);
	return new NodeApiError(
		node,
		// not under `code`: n8n has general words for those, that take the place of ours
		{ message, network: code ?? 'unknown' },
		{
			message: `CapScheduler does not answer at ${url}`,
			description: `${remedyOf({ url, message, code })}\n${code ?? message}`,
			...(itemIndex === undefined ? {} : { itemIndex }),
		},
	);
}

function remedyOf({
	url,
	message,
	code,
}: {
	url: string;
	message: string;
	code: string | undefined;
}): string {
	if (!/^https?:\/\//i.test(url)) {
		return 'The engine URL in the credential must begin with http:// or https://.';
	}
	if (message.startsWith(BLOCKED)) return UNBLOCK;
	return (code === undefined ? undefined : UNREACHABLE[code]) ?? REFUSED;
}

/** The answer began, and did not come to its end. */
export function brokenOffError(
	{ node, itemIndex }: ErrorPlace,
	fileName: string,
	cause: unknown,
): NodeApiError {
	const message = cause instanceof Error ? cause.message : String(cause);
	return new NodeApiError(
		node,
		{ message },
		{
			message: `The file ${fileName} broke off before its end`,
			description: `Turn on "Retry On Fail" in the node's settings. If it happens again, the engine's log says why; a full disk of n8n is the other cause.\n${networkCode(cause) ?? message}`,
			...(itemIndex === undefined ? {} : { itemIndex }),
		},
	);
}

/** Network errors come wrapped, once or twice. */
function networkCode(error: unknown, depth = 0): string | undefined {
	if (typeof error !== 'object' || error === null || depth > 4) return undefined;
	const { code, cause, errorResponse } = error as Record<string, unknown>;
	if (typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code)) return code;
	return networkCode(cause, depth + 1) ?? networkCode(errorResponse, depth + 1);
}

function readProblem(
	body: unknown,
	{ status, location }: { status: number; location: string | undefined },
): Problem {
	const given = typeof body === 'object' && body !== null ? (body as Partial<Problem>) : {};
	return {
		status,
		code: given.code ?? `HTTP_${status}`,
		detail: given.detail ?? foreign(status, location),
		errors: given.errors ?? [],
		...(given.requestId === undefined ? {} : { requestId: given.requestId }),
	};
}

/** Something else answers: a proxy, or another server at a URL that is wrong. */
function foreign(status: number, location: string | undefined): string {
	const check = 'Check the engine URL in the credential, and what is in between.';
	if (location === undefined) {
		return `The answer (HTTP ${status}) is not one of CapScheduler's. ${check}`;
	}
	return `The engine URL leads elsewhere (HTTP ${status}), to ${location}. Put the URL that is meant in the end into the credential.`;
}
