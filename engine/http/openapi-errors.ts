import type { ErrorCode } from '../contract/errors.ts';
import { ERROR_STATUS } from '../contract/errors.ts';
import type { Route } from './route.ts';

const WITH_KEY: readonly ErrorCode[] = [
	'UNAUTHENTICATED',
	'FORBIDDEN',
	'RATE_LIMITED',
	'INVALID_REQUEST',
];
const WITH_SESSION: readonly ErrorCode[] = [
	'TOKEN_INVALID',
	'RATE_LIMITED',
	'INVALID_REQUEST',
	'NOT_FOUND',
];
const WITH_LINK: readonly ErrorCode[] = ['INVALID_REQUEST'];
const WITH_STORE: readonly ErrorCode[] = ['STORAGE_UNAVAILABLE'];
const WITH_WRITE: readonly ErrorCode[] = ['CROSS_SITE', 'STORAGE_FULL'];
const WITH_WORK: readonly ErrorCode[] = ['DRAINING'];
const WITH_BODY: readonly ErrorCode[] = [
	'UNSUPPORTED_MEDIA_TYPE',
	'BODY_TOO_LARGE',
	'INVALID_REQUEST',
];
const WITH_JSON: readonly ErrorCode[] = [
	'INVALID_JSON',
	'DUPLICATE_KEY',
	'FORBIDDEN_KEY',
	'TOO_DEEP',
	'NOT_UTF8',
	'UNSUPPORTED_FIELD',
];
const WITH_IDEMPOTENCY: readonly ErrorCode[] = ['IDEMPOTENCY_IN_FLIGHT', 'IDEMPOTENCY_MISMATCH'];

/** Every code that a route may answer with: its own, and those that come with what it takes. */
export function errorCodes(route: Route): ErrorCode[] {
	const codes: ErrorCode[] = [...(route.errors ?? []), 'INTERNAL'];
	if (route.auth === 'key') codes.push(...WITH_KEY);
	if (route.auth === 'session') codes.push(...WITH_SESSION);
	if (route.auth === 'link') codes.push(...WITH_LINK);
	if (route.auth !== 'public') codes.push(...WITH_STORE);
	if (route.params !== undefined) codes.push('NOT_FOUND');
	if (route.conditional === true) codes.push('PRECONDITION_FAILED');
	if (route.method !== 'get') codes.push(...WITH_WRITE);
	if (route.makesWork === true) codes.push(...WITH_WORK);
	if (route.method === 'post' || route.method === 'put' || route.method === 'patch') {
		codes.push(...WITH_BODY);
		if (route.body?.kind !== 'stream') codes.push(...WITH_JSON);
	}
	if (route.method === 'post' && route.auth === 'key') codes.push(...WITH_IDEMPOTENCY);
	return [...new Set(codes)];
}

/** The codes by the status that they are answered with, in ascending order. */
export function errorsByStatus(route: Route): Map<number, ErrorCode[]> {
	const codes = errorCodes(route).sort((a, b) => ERROR_STATUS[a] - ERROR_STATUS[b]);
	return Map.groupBy(codes, (code) => ERROR_STATUS[code]);
}
