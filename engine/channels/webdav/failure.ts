import type { ErrorCode } from '../../contract/errors.ts';
import { CapError } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';
import { asTargetError, quoted } from '../shared/failed.ts';
import type { Answer } from '../shared/http-exchange.ts';
import { retryAfterOf } from '../shared/http-verdict.ts';

/** What a status means (RFC 4918, 9 and 11; RFC 9110, 15). All can be mended while the attempts last. */
const MEANINGS: Readonly<Record<number, [ErrorCode, string]>> = {
	401: ['TARGET_LOGIN_FAILED', 'the login was refused'],
	403: ['TARGET_REFUSED', 'no permission'],
	404: ['TARGET_REFUSED', 'no such folder'],
	405: ['TARGET_PROTOCOL', 'no WebDAV there'],
	408: ['TARGET_FAULT', 'the server waited too long'],
	409: ['TARGET_REFUSED', 'no such folder'],
	413: ['TARGET_REFUSED', 'the file is larger than the server takes'],
	423: ['TARGET_BUSY', 'locked'],
	425: ['TARGET_BUSY', 'the server asks for patience'],
	429: ['TARGET_BUSY', 'the server asks for patience'],
	501: ['TARGET_PROTOCOL', 'no WebDAV there'],
	503: ['TARGET_BUSY', 'the server is not available'],
	507: ['TARGET_FULL', 'no room on the server'],
};

/** The meaning of an answer that was not the one hoped for. `doing`: for people. */
export function refused(
	{ status, headers, text }: Answer,
	doing: string,
	{ now, secrets }: { now: Instant; secrets: readonly (string | undefined)[] },
): CapError {
	const redirect = status >= 300 && status < 400;
	if (redirect) {
		return new CapError(
			'TARGET_REDIRECT',
			`${doing}: answered ${status}; redirects are not followed`,
		);
	}
	const [code, why] =
		MEANINGS[status] ??
		(status >= 500
			? (['TARGET_FAULT', 'the server failed'] as const)
			: (['TARGET_REFUSED', 'the server refused it'] as const));
	const said = wordsIn(text);
	const quote = said === '' ? '' : `: ${quoted(said, secrets)}`;
	return new CapError(code, `${doing}: ${why}: answered ${status}${quote}`, {
		retry: 'later',
		...retryAfterOf(headers, now),
	});
}

/** Servers say why in XML or HTML. */
function wordsIn(text: string): string {
	const [, message] = /<(?:\w+:)?message[^>]*>([^<]*)</.exec(text) ?? [];
	return message ?? text.replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/g, ' ');
}

/** The meaning of what undici, a socket or TLS threw. */
export function webdavError(error: unknown, doing: string): CapError {
	if (error instanceof CapError) return error;
	const { code, message } = asTargetError(error);
	return new CapError(code, `${doing}: ${message}`, { retry: 'later', cause: error });
}
