import type { z } from 'zod';

import type { ActionManifest } from '../contract/capability.ts';
import type { DeclaredColumn, RequestEnvelope } from '../contract/envelope.ts';
import type { ErrorCode, RetryVerdict } from '../contract/errors.ts';
import type { RetryReason } from '../contract/policies.ts';
import type { PauseReason } from '../contract/schedule.ts';
import type { ResultEncoding } from '../contract/result.ts';
import type { Duration } from '../contract/time.ts';

/** One attempt, ready to be carried out. */
export interface SessionCall {
	envelope: RequestEnvelope;
	/** The binding's settings as parsed by `settings`, secrets included. Same object for the same revision. */
	settings: unknown;
	/** `ActionManifest.binding` as parsed by `actionSettings`, or undefined. */
	actionSettings: unknown;
	action: ActionManifest;
	/** The run's id: the same in every attempt. */
	idempotencyKey: string;
	/** Aborts on timeout, cancellation, fencing and drain; the adapter stops at once and frees everything. */
	signal: AbortSignal;
	/** How long this attempt may take, milliseconds; the caller also aborts `signal` then. */
	timeout: Duration;
	/** Bodies beyond this end the attempt with RESULT_TOO_LARGE. */
	maxResultBytes: number;
}

/** What came back. `source` may be read once and throws CapError when it breaks off. */
export interface ResultBody {
	encoding: ResultEncoding;
	contentType: string;
	filename?: string;
	columns?: DeclaredColumn[];
	source: AsyncIterable<Uint8Array> | Uint8Array;
	/** Number of rows, asked after `source` was read; undefined when unknown. */
	rows?(): number | undefined;
}

export interface SessionFailure {
	code: ErrorCode;
	message: string;
	/** The capability's own code. */
	detail?: string;
	retry: RetryVerdict;
	/** Why it may be retried, matched with `policies.retry.on`; undefined with `retry: later` always retries. */
	reason?: RetryReason;
	retryAfter?: Duration;
	/**
	 * Tried again after each of these waits, whatever `policies.retry` says: what is missing is known to be on its way.
	 * When they are used up, the run fails.
	 */
	waits?: readonly Duration[];
	/** With a failure that is final: why the schedule is paused, since every run of it would fail alike. */
	pause?: PauseReason;
}

export type SessionOutcome =
	| { kind: 'result'; body: ResultBody }
	/** 202: it will call back. */
	| { kind: 'accepted' }
	| { kind: 'failed'; failure: SessionFailure };

/**
 * A runtime binding: how capabilities of one kind are reached. One folder each.
 * `invoke` never throws for what the other side does; it throws only on a fault of the engine.
 */
export interface SessionAdapter {
	readonly type: string;
	readonly title: string;
	readonly abilities: { async: boolean; streaming: boolean };
	/** Settings of the binding. Parsed once when a capability is registered. */
	readonly settings: z.ZodType;
	/** Settings of an action, where the binding has any. */
	readonly actionSettings?: z.ZodType;
	/** Top-level names in `settings` that are secrets: sealed at rest, never shown. */
	readonly secrets: readonly string[];
	/**
	 * Secrets that the adapter makes when the user gave none (a signing secret): answered once at registration.
	 */
	generate?(settings: unknown): Record<string, string>;
	/** What only the world can tell: is the target allowed, is there such a module. @throws CapError */
	check(settings: unknown, actions: Record<string, ActionManifest>): Promise<void>;
	invoke(call: SessionCall): Promise<SessionOutcome>;
	close?(): Promise<void>;
}

export interface SessionRegistry {
	get(type: string): SessionAdapter | undefined;
	list(): readonly SessionAdapter[];
}

/**
 * Reads what a capability sends, as the answer to a request or by a callback: an envelope, or the result
 * itself in any content type. Never throws for what the other side does.
 */
export type ReadAnswer = (
	body: { contentType: string | undefined; source: AsyncIterable<Uint8Array> },
	limits: { maxResultBytes: number },
) => Promise<SessionOutcome>;
