import type { RequestEnvelope } from '../contract/envelope.ts';
import type { JsonObject } from '../contract/json.ts';
import type { SessionAdapter, SessionCall, SessionOutcome } from '../sessions/session.port.ts';

export interface CallOptions {
	settings: unknown;
	actionSettings?: unknown;
	action?: string;
	parameters?: JsonObject;
	envelope?: Partial<RequestEnvelope>;
	signal?: AbortSignal;
	timeout?: number;
	maxResultBytes?: number;
}

/** One attempt as the pipeline makes it; settings go through the adapter's own schemas. */
export function sessionCall(adapter: SessionAdapter, options: CallOptions): SessionCall {
	const action = options.action ?? 'daily-sales';
	return {
		envelope: {
			specVersion: '1.0',
			requestId: 'run_01j00000000000000000000000',
			attempt: 1,
			epoch: 1,
			capability: 'reports',
			action,
			parameters: options.parameters ?? {},
			mode: 'sync',
			tenant: 'default',
			deadline: '2027-01-31T09:05:00.000Z',
			...options.envelope,
		},
		settings: adapter.settings.parse(options.settings),
		actionSettings:
			options.actionSettings === undefined
				? undefined
				: adapter.actionSettings?.parse(options.actionSettings),
		action: {},
		idempotencyKey: 'run_01j00000000000000000000000',
		signal: options.signal ?? new AbortController().signal,
		timeout: options.timeout ?? 10_000,
		maxResultBytes: options.maxResultBytes ?? 64 * 1024 * 1024,
	};
}

/** The bytes of an outcome that must be a result. */
export async function resultBytes(outcome: SessionOutcome): Promise<Buffer> {
	if (outcome.kind !== 'result') throw new Error(`no result: ${JSON.stringify(outcome)}`);
	const { source } = outcome.body;
	if (source instanceof Uint8Array) return Buffer.from(source);
	const chunks: Uint8Array[] = [];
	for await (const chunk of source) chunks.push(chunk);
	return Buffer.concat(chunks);
}

export async function resultRows(outcome: SessionOutcome): Promise<unknown[]> {
	const text = (await resultBytes(outcome)).toString('utf8');
	return text
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as unknown);
}
