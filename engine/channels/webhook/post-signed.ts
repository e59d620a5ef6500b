import type { Clock } from '../../clock.ts';
import type { Egress, Signer } from '../../security/security.port.ts';
import type { PostSigned } from '../channel.port.ts';
import { createDeadline } from '../shared/deadline.ts';
import { sendHttp } from '../shared/http-send.ts';

export interface WebhookTools {
	egress: Egress;
	signer: Signer;
	clock: Clock;
}

/** Sends small bodies, signed by Standard Webhooks; never throws for what the other side does. */
export function createPostSigned({ egress, signer, clock }: WebhookTools): PostSigned {
	return async ({ url, secret, id, body, contentType, headers, timeout, signal }) => {
		const deadline = createDeadline(clock, { signal, timeout, silence: timeout });
		try {
			const timestamp = secondsOf(clock);
			const sent = await sendHttp(
				{
					url,
					method: 'POST',
					headers: {
						...headers,
						'content-type': contentType,
						...signer.sign(secret, { id, timestamp, body }),
					},
					body,
				},
				{ egress, clock, deadline },
			);
			return 'kind' in sent ? sent : { kind: 'delivered', status: sent.status };
		} finally {
			deadline.end();
		}
	};
}

/** `webhook-timestamp`: whole seconds. */
export function secondsOf(clock: Clock): number {
	return Math.floor(clock.now() / 1000);
}
