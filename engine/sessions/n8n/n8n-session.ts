import type { Duration } from '../../contract/time.ts';
import type { SessionAdapter, SessionFailure, SessionOutcome } from '../session.port.ts';
import type { N8nSettings } from './settings.ts';
import { asHttp, n8nSettingsSchema } from './settings.ts';

const SECOND: Duration = 1000;
/**
 * Publishing a workflow, and editing a published one, takes its webhook away for a moment; a large n8n takes minutes
 * to start.
 */
const FIRST_WAITS: readonly Duration[] = [2, 5, 10, 20, 40].map((n) => n * SECOND);
const LAST_WAIT: Duration = 60 * SECOND;

/** How long is waited before each further question, together as long as `total`. */
export function waitsWithin(total: Duration): Duration[] {
	const waits: Duration[] = [];
	for (let left = total; left > 0; left -= waits.at(-1) ?? left) {
		waits.push(Math.min(FIRST_WAITS[waits.length] ?? LAST_WAIT, left));
	}
	return waits;
}

/** As n8n answers for a webhook that it does not know; another 404 comes from the workflow itself. */
const NOT_REGISTERED = /^HTTP 404: .*webhook\b.*\bis not registered/i;
const WRONG_METHOD = /is not registered for \w+ requests/i;
/** A 409 says that the execution is not where it can take this yet. */
const NOT_YET = /^HTTP 409\b/;

/**
 * A workflow of n8n behind a webhook: an HTTP capability whose answers are n8n's.
 * @param http makes the requests
 * @param options.webhookWait after which a webhook that n8n does not know is not on its way any more
 */
export function createN8nSession(
	http: SessionAdapter,
	{ webhookWait }: { webhookWait: Duration },
): SessionAdapter {
	const waits = waitsWithin(webhookWait);
	/** The HTTP binding plans its requests once for each object. */
	const mapped = new WeakMap<object, unknown>();
	const httpOf = (settings: unknown): unknown => {
		const known = mapped.get(settings as object);
		if (known !== undefined) return known;
		const made = http.settings.parse(asHttp(settings as N8nSettings));
		mapped.set(settings as object, made);
		return made;
	};
	return {
		type: 'n8n',
		title: 'n8n workflow',
		abilities: http.abilities,
		settings: n8nSettingsSchema,
		secrets: ['secret', 'headerValue', 'password'],
		generate: (settings) => http.generate?.(httpOf(settings)) ?? {},
		check: (settings, actions) => http.check(httpOf(settings), actions),
		async invoke(call) {
			const settings = call.settings as N8nSettings;
			const outcome = await http.invoke({ ...call, settings: httpOf(settings) });
			if (outcome.kind === 'failed')
				return { kind: 'failed', failure: understood(outcome.failure, waits) };
			return settings.mode === 'async' ? accepted(outcome) : outcome;
		},
	};
}

/** A webhook that answers at once says 200 and "Workflow was started": what the run brings is still to come. */
async function accepted(outcome: SessionOutcome): Promise<SessionOutcome> {
	if (outcome.kind !== 'result') return outcome;
	const { source } = outcome.body;
	if (!(source instanceof Uint8Array)) await source[Symbol.asyncIterator]().return?.();
	return { kind: 'accepted' };
}

function understood(failure: SessionFailure, waits: readonly Duration[]): SessionFailure {
	const { code, message } = failure;
	if (code !== 'TARGET_REFUSED') return failure;
	if (NOT_YET.test(message)) return { code: 'TARGET_BUSY', message, retry: 'later' };
	if (!NOT_REGISTERED.test(message)) return failure;
	if (WRONG_METHOD.test(message)) {
		return { code, message: `${message} The Webhook node must take POST.`, retry: 'never' };
	}
	return {
		code,
		message: `n8n does not know the webhook: the workflow is not published, or its webhook has another path (${message})`,
		retry: 'never',
		waits,
		pause: 'webhook_missing',
	};
}
