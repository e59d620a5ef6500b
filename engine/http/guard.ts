import type { NextFunction, Request, Response } from 'express';

import { CapError } from '../contract/errors.ts';
import type { NewId } from '../contract/ids.ts';

/** What an answer that is no page may do in a browser: nothing. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";
/** Pages of ours: nothing inline, nothing from elsewhere. */
export const PAGE_POLICY =
	"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function requestIds(newId: NewId) {
	return (_request: Request, response: Response, next: NextFunction): void => {
		const requestId = newId('request');
		response.locals['requestId'] = requestId;
		response.setHeader('x-request-id', requestId);
		next();
	};
}

export function securityHeaders(_request: Request, response: Response, next: NextFunction): void {
	response.setHeader('x-content-type-options', 'nosniff');
	response.setHeader('referrer-policy', 'no-referrer');
	response.setHeader('content-security-policy', API_POLICY);
	response.setHeader('x-frame-options', 'DENY');
	response.setHeader('cross-origin-resource-policy', 'same-origin');
	response.setHeader('cache-control', 'no-store');
	next();
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const OWN_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);

/** Refuses unsafe requests that a browser makes for a page of another origin. Programs send neither header. */
export function refuseCrossSite(publicUrl: () => string) {
	return (request: Request, _response: Response, next: NextFunction): void => {
		if (SAFE_METHODS.has(request.method) || comesFromHere(request, publicUrl)) {
			next();
			return;
		}
		throw new CapError('CROSS_SITE', 'pages of other origins may not send this request');
	};
}

function comesFromHere(request: Request, publicUrl: () => string): boolean {
	const site = request.headers['sec-fetch-site'];
	if (site !== undefined) return typeof site === 'string' && OWN_SITES.has(site);
	const { origin, host } = request.headers;
	if (origin === undefined) return true;
	if (!URL.canParse(origin)) return false;
	const url = new URL(origin);
	return url.host === host || url.origin === new URL(publicUrl()).origin;
}
