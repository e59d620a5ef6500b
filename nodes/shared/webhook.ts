import type { IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { whyForged } from './signature';

/** Answers a request that starts nothing. */
export function refused(
	context: IWebhookFunctions,
	status: number,
	why: string,
): IWebhookResponseData {
	context
		.getResponseObject()
		.status(status)
		.json({ message: `Refused: ${why}` });
	return { noWebhookResponse: true };
}

/** The exact bytes of a request that the engine signed. Any other is refused: 401. */
export function signedBody(
	context: IWebhookFunctions,
	secret: string | undefined,
): { body: Buffer } | { refusal: IWebhookResponseData } {
	const { rawBody: body } = context.getRequestObject() as { rawBody?: Buffer };
	const refuse = (why: string) => ({ refusal: refused(context, 401, why) });
	// Without a secret nothing can be checked, so nothing is believed.
	if (secret === undefined) return refuse('this workflow is not registered');
	if (body === undefined) return refuse('it has no body');
	const why = whyForged(secret, { headers: context.getHeaderData(), body, now: Date.now() });
	return why === null ? { body } : refuse(why);
}
