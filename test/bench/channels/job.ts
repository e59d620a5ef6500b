/** What a process of the channels' benchmark is told. */
export interface ChannelJob {
	channel: string;
	/** Of the target, as the API takes them. */
	settings: Record<string, unknown>;
	/** Settings of the engine (`CAPSCHEDULER_…`). */
	engine: Record<string, string>;
	/** Where the bare client sends to. */
	server: Record<string, string>;
	deliveries: number;
	/** Of each. */
	bytes: number;
	/** How many the bare client sends at once: as many as the engine. */
	parallel: number;
	/** Rows instead of bytes, for channels that send nothing else. */
	format?: 'ndjson';
}

const CHUNK = 65_536;
const FILLER = Buffer.alloc(CHUNK, 'The quick brown fox jumps over the lazy dog. ');

/** So many bytes that begin with the mark; one chunk when they are few. */
export function payload(
	{ bytes }: { bytes: number },
	mark: string,
): AsyncIterable<Uint8Array> | Uint8Array {
	if (bytes <= CHUNK) {
		const all = Buffer.from(FILLER.subarray(0, bytes));
		all.write(mark);
		return all;
	}
	return chunks(bytes, mark);
}

async function* chunks(bytes: number, mark: string): AsyncIterable<Uint8Array> {
	yield Buffer.from(mark);
	for (let left = bytes - mark.length; left > 0; left -= CHUNK) {
		yield FILLER.subarray(0, Math.min(CHUNK, left));
	}
}
