import type { ObjectId } from 'mongodb';

/** A document as it is kept: scalars, JSON text for what has a structure, and the store's own fields. */
export type Doc = { _id: string } & Record<string, unknown>;
export type Fields = Record<string, unknown>;

/** What follows from a write, kept in the document that the write changed until it is carried out. */
export interface Entry {
	/** The token of the write. */
	id: string;
	/** When it was written, by the engine's clock. */
	at: number;
	/** JSON of `Effect[]`. */
	work: string;
}

/** A document whose changes are conditional. */
export interface Root extends Doc {
	/** Rises with every change; a change names the one that it read. */
	v: number;
	/** The tokens of the last changes: who lost a reply finds out by them whether his was made. */
	w: string[];
	/** Changes whose effects are not known to be carried out. */
	outbox?: Entry[];
}

/** One of Agenda's rows, as far as we use them. Its tools expect an ObjectId. */
export interface TimerDoc {
	_id: ObjectId;
	name: string;
	nextRunAt: Date | null;
	lockedAt?: Date | null;
	data?: { key?: string };
	/** Who took it, in a batch. */
	claim?: string;
}

/** For a value from outside: compared as it is, never an operator. */
export function is(value: string | number | boolean | null): { $eq: typeof value } {
	if (typeof value === 'object' && value !== null) {
		throw new TypeError('expected a plain value to compare with, got an object');
	}
	return { $eq: value };
}

/** An `_id` of several parts that cannot be mistaken for another one. */
export function keyOf(...parts: (string | number)[]): string {
	return JSON.stringify(parts.map((part) => (typeof part === 'object' ? '' : part)));
}

export function targetId(scheduleId: string, targetKey: string): string {
	return JSON.stringify([String(scheduleId), String(targetKey)]);
}
