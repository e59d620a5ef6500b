import { z } from 'zod';

/* Fields of settings that end up in a request. */

/** Set by the adapter or by HTTP itself; a capability's settings may not. */
const RESERVED_HEADER =
	/^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|expect|proxy-.*|accept-encoding|idempotency-key|traceparent|tracestate|webhook-.*|user-agent|sec-.*)$/;
export const headerName = z
	.string()
	.max(100)
	.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'a header name')
	.refine((name) => !RESERVED_HEADER.test(name.toLowerCase()), {
		error: 'a header that the engine does not set itself',
	});
/** Printable ASCII only: no CR, LF or other control character reaches an HTTP library. */
export const headerValue = z
	.string()
	.max(4096)
	.regex(/^[\x20-\x7e]*$/, 'printable ASCII');

export const url = z
	.string()
	.max(2048)
	.refine(isPlainUrl, { error: 'an http or https URL without user, fragment and templates' });

function isPlainUrl(text: string): boolean {
	// eslint-disable-next-line no-control-regex
	if (/[{}\u0000-\u0020\u007f\\#]/.test(text)) return false;
	const parsed = URL.parse(text);
	if (parsed === null) return false;
	return /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '';
}
