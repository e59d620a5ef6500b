/** Reads big-endian numbers one after another, and the two packed forms that WOFF2 knows. */
export class ByteReader {
	readonly #bytes: Buffer;
	at: number;

	constructor(bytes: Buffer, at = 0) {
		this.#bytes = bytes;
		this.at = at;
	}

	u8(): number {
		return this.#bytes.readUInt8(this.at++);
	}

	u16(): number {
		this.at += 2;
		return this.#bytes.readUInt16BE(this.at - 2);
	}

	i16(): number {
		this.at += 2;
		return this.#bytes.readInt16BE(this.at - 2);
	}

	u32(): number {
		this.at += 4;
		return this.#bytes.readUInt32BE(this.at - 4);
	}

	take(length: number): Buffer {
		this.at += length;
		return this.#bytes.subarray(this.at - length, this.at);
	}

	/** UIntBase128: seven bits a byte, the highest bit says that more follow. */
	base128(): number {
		let value = 0;
		for (let count = 0; count < 5; count++) {
			const byte = this.u8();
			value = value * 128 + (byte & 0x7f);
			if ((byte & 0x80) === 0) return value;
		}
		throw new Error('woff2: a number is longer than five bytes');
	}

	/** 255UInt16: one byte up to 252, then three escapes. */
	packed16(): number {
		const code = this.u8();
		if (code === 253) return this.u16();
		if (code === 254) return 506 + this.u8();
		return code === 255 ? 253 + this.u8() : code;
	}
}
