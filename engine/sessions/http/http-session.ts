import type { Clock } from '../../clock.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { Egress, Signer } from '../../security/security.port.ts';
import type { SessionAdapter, SessionCall, SessionOutcome } from '../session.port.ts';
import { failedWith } from '../shared/failure.ts';
import { TimeLimit } from '../shared/time-limit.ts';
import { Exchange } from './exchange.ts';
import type { Answer } from './exchange.ts';
import { readRefusal } from './refusal.ts';
import { makeRequest } from './request.ts';
import { readResult } from './result.ts';
import type { HttpSettings } from './settings.ts';
import { httpActionSchema, httpSettingsSchema } from './settings.ts';

export interface HttpSessionParts {
	egress: Egress;
	signer: Signer;
	clock: Clock;
	/** Default `CapScheduler`. */
	userAgent?: string;
	/** The trace that an attempt belongs to; default a new one. */
	traceparent?: (call: SessionCall) => string;
}

/** Capabilities behind a URL: one POST an attempt, answered at once or by a callback. */
export function createHttpSession(parts: HttpSessionParts): SessionAdapter {
	const { egress, signer, clock } = parts;
	const requestParts = {
		signer,
		clock,
		userAgent: parts.userAgent ?? 'CapScheduler',
		traceparent: parts.traceparent,
	};

	async function invoke(call: SessionCall): Promise<SessionOutcome> {
		const limit = new TimeLimit(call, clock);
		if (limit.stopped !== null) {
			limit.release();
			return failedWith(limit.stopped);
		}
		const request = makeRequest(call, requestParts);
		const exchange = new Exchange(limit);
		try {
			egress.http.dispatch(request, exchange);
			return await readAnswer(await exchange.answer, call);
		} catch (error) {
			// a stream that came so far was dropped by its reader; everything else has let go by itself
			limit.release();
			if (error instanceof CapError) return failedWith(error);
			throw error;
		}
	}

	/** At once for an answer that is here in whole, as nearly all are. */
	function readAnswer(answer: Answer, call: SessionCall): SessionOutcome | Promise<SessionOutcome> {
		const { envelope } = call.settings as HttpSettings;
		if (answer.status >= 300) return readRefusal(answer, clock.now(), envelope);
		// who gets no envelope cannot call back: its 202 is its answer
		if (answer.status === 202 && envelope) return accept(answer);
		return readResult(answer, call, { envelopes: envelope });
	}

	return {
		type: 'http',
		title: 'HTTP endpoint',
		abilities: { async: true, streaming: true },
		settings: httpSettingsSchema,
		actionSettings: httpActionSchema,
		secrets: ['secret', 'authorization', 'apiKey'],
		generate(settings) {
			const { secret, envelope } = settings as HttpSettings;
			if (secret !== undefined || !envelope) return {};
			return { secret: signer.generateSecret() };
		},
		async check(settings) {
			const { url, secret } = settings as HttpSettings;
			if (secret !== undefined && !signer.isSecret(secret)) throw badSecret();
			await egress.checkUrl(url, 'binding.url');
		},
		invoke,
	};
}

async function accept({ stream }: Answer): Promise<SessionOutcome> {
	await stream?.return();
	return { kind: 'accepted' };
}

function badSecret(): CapError {
	return inputError('BINDING_INVALID', {
		path: 'binding.secret',
		expected: '"whsec_" and base64 of 24 to 64 bytes',
	});
}
