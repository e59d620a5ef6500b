import { CapError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';
import { asTargetError, quoted } from '../shared/failed.ts';
import type { Answer } from '../shared/http-exchange.ts';
import { retryAfterOf } from '../shared/http-verdict.ts';

/** An answer that was not the one hoped for. */
export class Refused extends Error {
	readonly answer: Answer;

	constructor(answer: Answer) {
		super(`answered ${answer.status}`);
		this.answer = answer;
	}
}

const MEANINGS: Readonly<Record<number, [ErrorCode, string]>> = {
	401: ['TARGET_LOGIN_FAILED', 'the token was refused'],
	403: ['TARGET_REFUSED', 'no permission'],
	404: ['TARGET_UNREACHABLE', 'the bucket is not there'],
	408: ['TARGET_FAULT', 'the store waited too long'],
	429: ['TARGET_BUSY', 'the store asks for patience'],
	503: ['TARGET_BUSY', 'the store asks for patience'],
	507: ['TARGET_FULL', 'no room in the store'],
};

/** The meaning of what was thrown. All can be mended while the attempts last. */
export function gcsError(
	error: unknown,
	{ now, secrets }: { now: Instant; secrets: readonly (string | undefined)[] },
): CapError {
	if (error instanceof CapError) return error;
	if (!(error instanceof Refused)) return asTargetError(error);
	const { status, headers, text } = error.answer;
	if (status >= 300 && status < 400) {
		return new CapError('TARGET_REDIRECT', `answered ${status}; redirects are not followed`);
	}
	const fault = ['TARGET_FAULT', 'the store failed'] as const;
	const other = ['TARGET_REFUSED', 'the store refused it'] as const;
	const [code, why] = MEANINGS[status] ?? (status >= 500 ? fault : other);
	const said = quoted(wordsIn(text), secrets);
	return new CapError(code, `${why}: answered ${status}: ${said}`, {
		retry: 'later',
		...retryAfterOf(headers, now),
	});
}

function wordsIn(text: string): string {
	try {
		const { error } = JSON.parse(text) as { error?: { message?: unknown } };
		return typeof error?.message === 'string' ? error.message : text;
	} catch {
		return text;
	}
}
