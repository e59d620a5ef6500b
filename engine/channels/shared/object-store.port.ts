import type { z } from 'zod';

import type { CapError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Parcel } from '../channel.port.ts';
import type { Deadline } from './deadline.ts';
import type { Overwrite } from './names.ts';

/** What all such channels are told. */
export interface ObjectStoreSettings {
	folder: string;
	overwrite: Overwrite;
	stall: number;
}

export interface ObjectHead {
	size: number | undefined;
	/** Of its metadata: what it was stored with. */
	sha256: string | undefined;
	/** For the receipt of who finds it there. */
	about: JsonObject;
}

/** One bucket, for one attempt. Errors are the library's; `explain` tells what they mean. */
export interface Bucket {
	/** Null: nothing of that name. What may not be looked at is there, and not known to be ours. */
	head(key: string): Promise<ObjectHead | null>;
	/**
	 * Stores it whole or not at all, with the parcel's id and SHA-256 in its metadata. `create`: only where nothing
	 * has the name. @returns what the receipt tells of it
	 */
	put(
		key: string,
		parcel: Parcel,
		options: { create: boolean; attempt: number },
	): Promise<JsonObject>;
	/** `taken`: something had the name; `unsure`: whether it was stored is not known, as an answer was lost. */
	meaning(error: unknown): 'taken' | 'unsure' | null;
	read(key: string): Promise<AsyncIterable<Uint8Array>>;
	remove(key: string): Promise<void>;
}

export interface ObjectStore<S extends ObjectStoreSettings> {
	name: string;
	title: string;
	/** What a receipt tells. */
	receipt: string;
	limits: Record<string, number>;
	settings: z.ZodType<S>;
	secrets: readonly string[];
	/** @throws CapError what makes the settings useless */
	check(settings: S): Promise<void>;
	/** What the plan and the receipt call the place. @throws CapError when the parcel's tenant may not use it */
	placeOf(settings: S, tenant: string): JsonObject;
	/** How many addresses its host has, all of them allowed. @throws CapError */
	addresses(settings: S): Promise<number>;
	/** Whether the store itself refuses to replace, so that nobody has to look first. */
	conditional(settings: S): boolean;
	open(settings: S, deadline: Pick<Deadline, 'signal' | 'progress'>): Promise<Bucket>;
	/** Without what would keep a test from reading what it wrote, such as a class of storage on tape. */
	forTests(settings: S): S;
	explain(error: unknown, settings: S): CapError;
	/** For the receipt, without secrets. */
	locationOf(settings: S, key: string): string;
	close(): Promise<void>;
}
