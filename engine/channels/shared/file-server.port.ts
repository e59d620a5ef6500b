import type { z } from 'zod';

import type { CapError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Duration } from '../../contract/time.ts';
import type { Overwrite } from './names.ts';
import type { Pooled } from './pool.ts';
import type { RemoteFiles } from './remote-files.ts';

/** One login at a server of files. */
export interface FileConnection extends Pooled, RemoteFiles {
	/** What the receipt tells of the connection. */
	readonly facts: JsonObject;
}

/** The steps of a login, as a test of the destination reports them. */
export type WayIn = 'connect' | 'tls' | 'login';

export interface OpenContext {
	signal: AbortSignal;
	/** The other side showed life. */
	onProgress(this: void): void;
	/** Wraps each step of the way in, so that a test can tell them apart. */
	step<T>(this: void, name: WayIn, act: () => Promise<T>): Promise<T>;
}

/** What all such channels are told. */
export interface FileServerSettings {
	folder: string;
	overwrite: Overwrite;
	mkdir: boolean;
	verify: 'size' | 'content';
	connections: number;
	stall: Duration;
}

export interface FileServer<S extends FileServerSettings> {
	name: string;
	title: string;
	atomic: boolean;
	settings: z.ZodType<S>;
	secrets: readonly string[];
	limits?: Record<string, number>;
	/** What temporary names end in, without the dot; default `part`. */
	temporary?: string;
	/** @throws CapError what makes the settings useless */
	check(settings: S): Promise<void>;
	/** How many addresses its host has, all of them allowed. @throws CapError */
	addresses(settings: S): Promise<number>;
	/** Errors pass through `explain`. */
	open(settings: S, context: OpenContext): Promise<FileConnection>;
	/** What an error of `open` means. */
	explain(error: unknown, settings: S): CapError;
	/** For the receipt, without secrets. */
	locationOf(settings: S, path: string): string;
}
