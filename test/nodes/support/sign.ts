import { createHmac } from 'node:crypto';

/** Signs as the engine does, after Standard Webhooks 1.0; written anew, so as not to be the code under test. */
export function signed(
	secret: string,
	body: Buffer,
	{ at = Date.now(), id = 'run_1' } = {},
): Record<string, string> {
	const timestamp = String(Math.floor(at / 1000));
	const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
	const signature = createHmac('sha256', key)
		.update(Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]))
		.digest('base64');
	return {
		'webhook-id': id,
		'webhook-timestamp': timestamp,
		'webhook-signature': `v1,${signature}`,
	};
}
