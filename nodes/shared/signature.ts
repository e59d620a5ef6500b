import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/*
 * Standard Webhooks 1.0, the receiving side.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;
/** Seconds by which the clocks of engine and n8n may differ. */
const TOLERANCE = 300;

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/**
 * Why a request is not the engine's, or null when it is.
 * @param body the exact bytes as they came
 * @param now milliseconds
 */
export function whyForged(
	secret: string,
	{ headers, body, now }: { headers: Headers; body: Buffer; now: number },
): string | null {
	const id = header(headers, 'webhook-id');
	const timestamp = header(headers, 'webhook-timestamp');
	const signatures = header(headers, 'webhook-signature');
	if (id === '' || timestamp === '' || signatures === '') return 'it is not signed';
	if (!/^\d{1,12}$/.test(timestamp)) return 'its timestamp is malformed';
	if (Math.abs(now / 1000 - Number(timestamp)) > TOLERANCE) {
		return 'it is too old, or the clocks of n8n and the engine differ by more than five minutes';
	}
	const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
	const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
	// several while a secret is being rotated
	const matches = signatures.split(' ').some((signature) => {
		const [version, value = ''] = signature.split(',');
		const sent = Buffer.from(value, 'base64');
		return version === 'v1' && sent.length === expected.length && timingSafeEqual(sent, expected);
	});
	return matches ? null : 'its signature is wrong';
}

function header(headers: Headers, name: string): string {
	const value = headers[name];
	return typeof value === 'string' ? value : '';
}
