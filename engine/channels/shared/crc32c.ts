/** CRC-32C (Castagnoli, RFC 3720, B.4), eight bytes at a time; Node has only the other polynomial. */
const [T0, T1, T2, T3, T4, T5, T6, T7] = makeTables();

type Table = Readonly<Record<number, number>>;

/** Signed, which the engine computes with faster than with what may not fit. */
function makeTables(): [Table, Table, Table, Table, Table, Table, Table, Table] {
	const first = new Int32Array(256);
	for (let byte = 0; byte < 256; byte++) {
		let sum = byte;
		for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
		first[byte] = sum;
	}
	const tables = [first];
	for (let at = 1; at < 8; at++) {
		const before = tables[at - 1] ?? first;
		tables.push(before.map((sum) => (sum >>> 8) ^ (first[sum & 255] ?? 0)));
	}
	return tables as unknown as ReturnType<typeof makeTables>;
}

/**
 * All places that it looks at are below 256, or below the length.
 * @param before the sum of what came before; 0 at the beginning
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
	const { length } = bytes;
	let sum = ~before;
	let at = 0;
	for (; at + 8 <= length; at += 8) {
		sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
		sum =
			T7[sum & 255]! ^
			T6[(sum >>> 8) & 255]! ^
			T5[(sum >>> 16) & 255]! ^
			T4[sum >>> 24]! ^
			T3[bytes[at + 4]!]! ^
			T2[bytes[at + 5]!]! ^
			T1[bytes[at + 6]!]! ^
			T0[bytes[at + 7]!]!;
	}
	for (; at < length; at++) sum = T0[(sum ^ bytes[at]!) & 255]! ^ (sum >>> 8);
	return ~sum >>> 0;
}

/** As Google writes it: base64 of four bytes, the highest first. */
export function crc32cText(sum: number): string {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(sum);
	return bytes.toString('base64');
}
