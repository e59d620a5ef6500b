import { Webhook } from 'standardwebhooks';

import type { Received } from './webhook-receiver.ts';

/**
 * Whether the request is signed with that secret, by the public library. Its `verify` looks at the wall's
 * clock, so under a clock of the test's own the signature is made anew and compared.
 */
export function signatureHolds(
	{ headers, body }: Pick<Received, 'headers' | 'body'>,
	secret: string,
): boolean {
	const at = new Date(Number(headers['webhook-timestamp']) * 1000);
	const signed = new Webhook(secret).sign(String(headers['webhook-id']), at, body.toString());
	return String(headers['webhook-signature']).split(' ').includes(signed);
}
