import type { z } from 'zod';

import type { Receipt } from '../contract/delivery.ts';
import type { DeclaredColumn, Row } from '../contract/envelope.ts';
import type { ErrorCode, RetryVerdict } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Message } from '../contract/message.ts';
import type { Duration } from '../contract/time.ts';

/** The artifact and what is known about it. Everything a channel may put into names, headers and messages. */
export interface Parcel {
	/** Stable over all attempts and replays of one delivery: the idempotency key. */
	deliveryId: string;
	runId: string;
	scheduleId: string | null;
	tenant: string;
	capability: string;
	action: string;
	nominalAt: string | null;
	filename: string;
	contentType: string;
	size: number;
	/** Lower-case hexadecimal. */
	sha256: string;
	/** The stored bytes, from the start, as often as asked for. */
	open(): AsyncIterable<Uint8Array>;
	/** What the file is about. Absent where no stored result stands behind it. */
	report?: Report;
	/** It belongs to a file that is there: it takes its name from what has it, unless nothing may be replaced. */
	beside?: true;
	/** Given where this is no result but word of one, or an alert; the file then says the same as JSON. */
	message?: Message;
	/** Reads bytes of the file as rows, in batches. Absent where the file is not made of rows that can be told apart. */
	readRows?(bytes: AsyncIterable<Uint8Array>): AsyncIterable<readonly Row[]>;
}

/** For channels that write a message around the file, or in its place. */
export interface Report {
	/** The schedule's name, or capability and action. */
	title: string;
	/** Null where the result is no rows, or is not kept any more: a replay may come later than that. */
	preview(limit: number): Promise<Preview | null>;
	/** A new result link that gives the same file, unpacked. Every call makes one. */
	link(): Promise<ReportLink>;
}

/** The first rows of a result. */
export interface Preview {
	columns: readonly DeclaredColumn[];
	rows: readonly Row[];
	/** All of them; null where nobody counted. */
	total: number | null;
	/** Whether there are more than these. */
	more: boolean;
}

export interface ReportLink {
	url: string;
	/** ISO 8601. */
	expiresAt: string;
}

export interface SendContext {
	/** Aborts on timeout, fencing and drain. */
	signal: AbortSignal;
	/** 1 for the first attempt. */
	attempt: number;
	/** Of this attempt: the channel's, and a second more for every megabyte. */
	timeout: Duration;
}

export type SendOutcome =
	| { kind: 'delivered'; receipt: Receipt }
	| {
			kind: 'failed';
			code: ErrorCode;
			message: string;
			retry: RetryVerdict;
			retryAfter?: Duration;
			/** The endpoint said that it is gone for good (410): do not use it again. */
			disable?: boolean;
	  };

export const PROBE_STEPS = ['dns', 'connect', 'tls', 'login', 'write', 'read', 'delete'] as const;

/** One step of a test of a destination. What a channel does not do (a webhook has no login) it does not report. */
export interface ProbeStep {
	step: (typeof PROBE_STEPS)[number];
	ok: boolean;
	/** How long it took, milliseconds. */
	ms: number;
	/** For people: what was found or what went wrong. Never a secret, never an inner address. */
	detail?: string;
	/** Of a step that went wrong. */
	code?: ErrorCode;
}

export interface ProbeContext {
	/** Aborts when the time for the test is over. */
	signal: AbortSignal;
	/** Called once a step, in the order in which they end. The last one may have failed. */
	report(this: void, step: ProbeStep): void;
}

/**
 * A way out. `prepare` is pure and makes the exact plan (URL, headers, path, message); `send` does the I/O.
 * `send` never throws for what the other side does. One folder each.
 */
export interface Channel {
	readonly name: string;
	readonly title: string;
	readonly abilities: {
		streaming: boolean;
		/** Whether a reader can ever see half a file under the final name. */
		atomic: boolean;
		/**
		 * Whether it keeps files under their names, so that others can be put beside them. Receipts have `name` then,
		 * and a parcel that is `beside` another is given the exact name that it has.
		 */
		files?: boolean;
		receipt: string;
		/** What a second send of the same delivery does. */
		idempotency: string;
	};
	readonly limits: Readonly<Record<string, number>>;
	readonly settings: z.ZodType;
	/** Top-level names in `settings` that are secrets. */
	readonly secrets: readonly string[];
	/** Those of the secrets that the other side never gets to see, such as what signs: they outlast a change of address. */
	readonly neverSent?: readonly string[];
	/** A secret that others accept beside its successor for a while, and where it goes then. */
	readonly rotation?: { secret: string; previous: string };
	/** Waits before the second, third … attempt, milliseconds; after the last one the delivery is dead. */
	readonly retries: readonly Duration[];
	/** How long one attempt may take, beside the time for its bytes; and how long nothing may move in it. */
	readonly timeout: Duration;
	/**
	 * The one format that the channel can send with these settings; it is also what no named format means.
	 * Absent: any.
	 */
	format?(settings: unknown): string | undefined;
	/** Secrets made by the engine when the user gave none; answered once. */
	generate?(settings: unknown): Record<string, string>;
	/** Where the settings lead to, for what a destination allows. Absent: to no folder and no mailbox. */
	reaches?(settings: unknown): { folders?: readonly string[]; recipients?: readonly string[] };
	/** What only the world can tell: is the target allowed. @throws CapError */
	check(settings: unknown): Promise<void>;
	prepare(settings: unknown, parcel: Parcel): JsonObject;
	send(
		prepared: JsonObject,
		settings: unknown,
		parcel: Parcel,
		context: SendContext,
	): Promise<SendOutcome>;
	/**
	 * Takes away the file that says that another is whole, where that other is going to be replaced; does nothing
	 * where settings replace nothing, and is fine when it is not there. Of channels that keep `files`.
	 * @param marker only its name and whose it is count
	 * @returns why it may still be there; null: it is not
	 */
	unmark?(
		settings: unknown,
		marker: Parcel,
		context: Pick<SendContext, 'signal' | 'timeout'>,
	): Promise<Exclude<SendOutcome, { kind: 'delivered' }> | null>;
	/**
	 * Tries the settings out: goes the way of a delivery with a small file that says what it is, reads it back, and
	 * removes it, reporting each step. Ends at the first step that fails. Never rejects for what the other side
	 * does, and leaves nothing behind where things can be removed. `shared/probe.ts` helps.
	 */
	probe?(settings: unknown, context: ProbeContext): Promise<void>;
	close?(): Promise<void>;
}

export interface ChannelRegistry {
	get(name: string): Channel | undefined;
	list(): readonly Channel[];
}

/** A signed POST to an endpoint, as notifications and the webhook channel use it. */
export type PostSigned = (post: {
	url: string;
	secret: string;
	/** The `webhook-id`: the same in every attempt. */
	id: string;
	body: Uint8Array;
	contentType: string;
	headers?: Record<string, string>;
	timeout: Duration;
	signal: AbortSignal;
}) => Promise<{ kind: 'delivered'; status: number } | Exclude<SendOutcome, { kind: 'delivered' }>>;

/** Waits of Standard Webhooks before the second, third … attempt; used for notifications too. */
export const WEBHOOK_RETRIES: readonly Duration[] = [
	5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000,
];
