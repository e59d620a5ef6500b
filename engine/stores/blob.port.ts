import type { BlobRef } from '../contract/result.ts';

/** Bytes that are written but belong to no record yet. Content-addressed, so leaving one behind is harmless. */
export interface StagedBlob {
	ref: BlobRef;
	/** Small blobs are not written anywhere yet: they go into the commit of the record that refers to them. */
	inline: Uint8Array | null;
}

export interface ByteRange {
	/** First byte, inclusive. */
	start: number;
	/** Last byte, inclusive. */
	end: number;
}

/** Bytes that are needed for a while only, to be read more than once, and belong to no record. */
export interface ScratchBlob {
	ref: BlobRef;
	/** As often as asked for. */
	open: (range?: ByteRange) => AsyncIterable<Uint8Array>;
	/** Frees the room; may be called more than once. What a crash leaves goes with the next start. */
	dispose(): Promise<void>;
}

/** Where results and artifacts are kept, by content hash. */
export interface BlobStore {
	/** The largest blob that is kept in the commit itself; larger ones are durable files before `stage` returns. */
	readonly inlineLimit: number;
	/**
	 * Reads the source to its end without holding it in memory.
	 * @throws CapError RESULT_TOO_LARGE beyond `maxBytes`, STORAGE_FULL when there is no room; nothing stays behind
	 */
	stage(
		source: AsyncIterable<Uint8Array> | Uint8Array,
		options: { maxBytes: number },
	): Promise<StagedBlob>;
	/** The same for what is not to be kept: written to the disk when it is large, but never made durable. */
	scratch(source: AsyncIterable<Uint8Array>, options: { maxBytes: number }): Promise<ScratchBlob>;
	/** @throws CapError NOT_FOUND when retention has removed it */
	open(ref: BlobRef, range?: ByteRange): AsyncIterable<Uint8Array>;
	/** The same for who is done with each piece before he asks for the next: its memory may be used again then. */
	lend(ref: BlobRef, range?: ByteRange): AsyncIterable<Uint8Array>;
	/** The bytes of a blob of at most `inlineLimit`, else use `open`. */
	read(ref: BlobRef): Promise<Uint8Array>;
}
