import type { JsonObject } from '../contract/json.ts';
import type { PackagingName } from '../contract/packaging.ts';

/** A file to be packed. */
export interface PackedFile {
	/** Its name without folders. */
	name: string;
	readonly bytes: () => AsyncIterable<Uint8Array>;
}

export interface PackWork {
	/** As `packageSchema` gives them, secrets too. */
	options: JsonObject;
	/** Milliseconds since 1970: when the result came. */
	modifiedAt: number;
	/** Milliseconds since 1970: now. */
	at: number;
}

/** A way to pack a finished file for its delivery. Memory stays flat in its size. */
export interface Packaging {
	readonly name: PackagingName;
	contentType(options: JsonObject): string;
	/** What a file of that name and extension is called once it is packed. */
	rename(filename: string, extension: string, options: JsonObject): string;
	/** The extension of the packed file. */
	extension(extension: string, options: JsonObject): string;
	/**
	 * What the schema cannot tell of the options: whether a key is one, and of use.
	 * @throws CapError with paths below the step: `recipients[0]`
	 */
	check?(options: JsonObject, at: number): Promise<void>;
	/**
	 * The same files give the same bytes, unless salts or session keys are among them: what was packed once is
	 * kept, and a repeat sends that.
	 * @param files more than one only for archives
	 */
	pack(files: readonly PackedFile[], work: PackWork): AsyncIterable<Uint8Array>;
}

export interface PackagingRegistry {
	get(name: string): Packaging | undefined;
}
