import type { IncomingMessage } from 'node:http';

import { CapError, inputError } from '../contract/errors.ts';

/** A resource's revision as a strong entity tag. */
export const revisionTag = (revision: number): string => `"${revision}"`;

/**
 * The revision that If-Match demands; undefined without the header and for `*`.
 * @throws CapError PRECONDITION_FAILED for tags that no revision of ours has
 */
export function revisionWanted(request: IncomingMessage): number | undefined {
	const sent = request.headers['if-match']?.trim();
	if (sent === undefined || sent === '*') return undefined;
	const tag = /^(W\/)?"([^"]*)"$/.exec(sent);
	if (tag === null) {
		throw inputError('INVALID_REQUEST', {
			path: 'header If-Match',
			expected: 'one entity tag like "3", in quotes, or *',
			received: JSON.stringify(sent.slice(0, 60)),
		});
	}
	const [, weak, revision = ''] = tag;
	if (weak !== undefined || !/^[1-9]\d{0,14}$/.test(revision)) {
		throw new CapError(
			'PRECONDITION_FAILED',
			'header If-Match: this is no revision of the resource',
		);
	}
	return Number(revision);
}
