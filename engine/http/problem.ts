import type { Request, Response } from 'express';

import type { InputIssue } from '../contract/errors.ts';
import { CapError } from '../contract/errors.ts';
import type { Logger } from '../observe/observe.port.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457, with a stable `code`, every wrong place of the input, and the id to find it by in the log. */
export interface Problem {
	type: string;
	title: string;
	status: number;
	detail: string;
	code: string;
	errors: { path: string; expected: string; received?: string }[];
	requestId: string;
}

/** Waits for a client that was told to come back but not when, seconds. */
const DEFAULT_RETRY_AFTER = 1;

export function problemOf(error: CapError, requestId: string): Problem {
	return {
		// the code says it all: there is no page behind it
		type: `urn:capscheduler:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
		title: titleOf(error.code),
		status: error.status,
		detail: error.message,
		code: error.code,
		errors: error.issues.map(issueOf),
		requestId,
	};
}

function titleOf(code: string): string {
	const words = code.toLowerCase().replaceAll('_', ' ');
	return words.charAt(0).toUpperCase() + words.slice(1);
}

function issueOf({ path, expected, received }: InputIssue): Problem['errors'][number] {
	return { path, expected, ...(received === undefined ? {} : { received }) };
}

/** Answers an error; what is no CapError is a fault of ours, told to the log only. */
export function sendProblem(
	request: Request,
	response: Response,
	thrown: unknown,
	log: Logger,
): void {
	if (response.destroyed || request.socket.destroyed) return;
	const error = asCapError(thrown);
	const { requestId } = response.locals as { requestId: string };
	if (error.status >= 500) logFault(error, thrown, requestId, request, log);
	if (response.headersSent) {
		// too late for another answer: a broken-off body is the only honest sign
		response.destroy();
		return;
	}
	if (error.status === 429 || error.status === 503 || error.code === 'IDEMPOTENCY_IN_FLIGHT') {
		const seconds = Math.ceil((error.retryAfter ?? 0) / 1000);
		response.setHeader('retry-after', Math.max(DEFAULT_RETRY_AFTER, seconds));
	}
	if (error.status === 401) response.setHeader('www-authenticate', challenge(request));
	if (hasLongBodyUnread(request)) response.setHeader('connection', 'close');
	response.removeHeader('content-disposition');
	response.statusCode = error.status;
	response.setHeader('content-type', PROBLEM_TYPE);
	response.end(JSON.stringify(problemOf(error, requestId)));
}

function challenge(request: Request): string {
	const sent = request.headers.authorization !== undefined;
	return `Bearer realm="capscheduler"${sent ? ', error="invalid_token"' : ''}`;
}

function asCapError(thrown: unknown): CapError {
	if (thrown instanceof CapError) return thrown;
	if (thrown instanceof URIError) {
		return new CapError('INVALID_REQUEST', 'path: expected percent-encoded UTF-8', {
			issues: [{ path: 'path', expected: 'percent-encoded UTF-8' }],
		});
	}
	return new CapError(
		'INTERNAL',
		'the engine failed at this; its log tells more under the request id',
		{
			cause: thrown,
		},
	);
}

function logFault(
	error: CapError,
	thrown: unknown,
	requestId: string,
	request: Request,
	log: Logger,
): void {
	const cause = error.cause instanceof Error ? error.cause : thrown;
	log.error('request failed', {
		requestId,
		method: request.method,
		code: error.code,
		error: cause instanceof Error ? cause : String(cause),
	});
}

const SHORT_BODY = 65_536;

/** Reading a long body to its end only to keep the connection would let anyone keep us busy. */
function hasLongBodyUnread(request: Request): boolean {
	if (request.complete) return false;
	const begun = request.readableFlowing !== null;
	if (begun) return true;
	const length = request.headers['content-length'];
	if (length === undefined) return request.headers['transfer-encoding'] !== undefined;
	return !(Number(length) <= SHORT_BODY);
}
