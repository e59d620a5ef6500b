import type { Pair } from './wire.ts';
import { startWire } from './wire.ts';

/** Stands between an engine and MongoDB and spoils what goes through. */
export interface MongoProxy {
	port: number;
	/** Resets every connection; new ones are taken. */
	reset(): void;
	/** Nothing goes through any more, in either direction, and nobody is told. The result lets it go on. */
	stall(): () => void;
	/**
	 * The next writes are carried out, and their replies lost with the connection.
	 * @returns resolves when that has happened as often
	 */
	loseReplies(times: number): Promise<void>;
	/** The next writes are lost on their way, with the connection. */
	loseWrites(times: number): Promise<void>;
	close(): Promise<void>;
}

/**
 * The first element of a command's document is its name: an int32 or a string under one of these names. Drivers
 * write the document right behind the flags and the kind of its section.
 */
const WRITES = ['insert', 'update', 'delete', 'findAndModify', 'bulkWrite'].map((name) =>
	Buffer.from(`\u0002${name}\0`, 'latin1'),
);
/** Header (16), flags (4), kind of the section (1), length of the document (4). */
const COMMAND_AT = 25;
const OP_MSG = 2013;

interface Loss {
	kind: 'reply' | 'request';
	left: number;
	done: () => void;
}

export async function startMongoProxy(target: number): Promise<MongoProxy> {
	const wire = await startWire(target);
	const awaited = new WeakSet<Pair>();
	let stalled = false;
	let loss: Loss | null = null;

	const lost = (pair: Pair): boolean => {
		pair.client.resetAndDestroy();
		pair.server.destroy();
		if (loss !== null) {
			loss.left -= 1;
			if (loss.left <= 0) {
				loss.done();
				loss = null;
			}
		}
		return false;
	};

	wire.toServer = (chunk, pair) => {
		if (stalled) return false;
		if (loss === null || !isWrite(chunk)) return true;
		if (loss.kind === 'request') return lost(pair);
		awaited.add(pair);
		return true;
	};
	wire.toClient = (_, pair) => {
		if (stalled) return false;
		if (loss === null || !awaited.has(pair)) return true;
		return lost(pair);
	};

	const losing = async (kind: Loss['kind'], times: number): Promise<void> =>
		new Promise((done) => {
			loss = { kind, left: times, done };
		});

	return {
		port: wire.port,
		reset: () => {
			wire.cut();
		},
		stall() {
			stalled = true;
			return () => {
				stalled = false;
			};
		},
		loseReplies: async (times) => losing('reply', times),
		loseWrites: async (times) => losing('request', times),
		close: async () => wire.close(),
	};
}

/** Whether a write begins in this piece. A driver sends a command only when it has the reply to the last one. */
function isWrite(chunk: Buffer): boolean {
	if (chunk.length < COMMAND_AT + 16 || chunk.readInt32LE(12) !== OP_MSG) return false;
	const name = chunk.subarray(COMMAND_AT, COMMAND_AT + 16);
	return WRITES.some((write) => name.subarray(0, write.length).equals(write));
}
