/** A file to be packed. */
export interface PackedFile {
	/** Its name without folders. */
	name: string;
	/** Milliseconds since 1970: when its result came, so that packing it again gives the same bytes. */
	modifiedAt: number;
	readonly bytes: () => AsyncIterable<Uint8Array>;
}

/** A way to pack a finished file for its delivery. Memory stays flat in its size. */
export interface Packaging {
	readonly name: string;
	readonly contentType: string;
	/** What a file of that name and extension is called once it is packed. */
	rename(filename: string, extension: string): string;
	/** The extension of the packed file. */
	extension(extension: string): string;
	pack(file: PackedFile): AsyncIterable<Uint8Array>;
}

export interface PackagingRegistry {
	get(name: string): Packaging | undefined;
}
