import { makeData, type Data, type DataType } from 'apache-arrow';

/** Values of one column in one batch, as Arrow lays them out in memory. */
export interface ColumnBuffer<V> {
	/** Null where there is none. */
	append(value: V | null): void;
	/** Bytes that are held. */
	readonly bytes: number;
	/** The column so far. The buffer is not to be used after it. */
	finish(): Data;
}

/** Bits that say which values there are, the lowest first. */
class Validity {
	length = 0;
	nulls = 0;
	readonly #bits: Uint8Array;

	constructor(capacity: number) {
		this.#bits = new Uint8Array(Math.ceil(capacity / 8));
	}

	add(isThere: boolean): void {
		const at = this.length++;
		if (isThere) this.#bits[at >> 3]! |= 1 << (at & 7);
		else this.nulls += 1;
	}

	get bits(): Uint8Array {
		return this.#bits.subarray(0, Math.ceil(this.length / 8));
	}

	/** What all columns of Arrow have in common. */
	common(): { length: number; nullCount: number; nullBitmap: Uint8Array | null } {
		return {
			length: this.length,
			nullCount: this.nulls,
			nullBitmap: this.nulls === 0 ? null : this.bits,
		};
	}
}

interface Numbers<V> {
	[index: number]: V;
	readonly byteLength: number;
	subarray(from: number, to: number): unknown;
}

/** Numbers of one width: a place for each row, also where there is no value. */
export function numbersBuffer<V>(
	type: DataType,
	capacity: number,
	values: Numbers<V>,
): ColumnBuffer<V> {
	const validity = new Validity(capacity);
	return {
		append(value) {
			if (value !== null) values[validity.length] = value;
			validity.add(value !== null);
		},
		bytes: values.byteLength,
		finish: () =>
			makeData({
				type,
				...validity.common(),
				data: values.subarray(0, validity.length),
			} as never),
	};
}

/** Two's complement of 128 bits, the lowest 64 first. */
export function decimalBuffer(type: DataType, capacity: number): ColumnBuffer<bigint> {
	const words = new BigInt64Array(capacity * 2);
	const validity = new Validity(capacity);
	return {
		append(value) {
			if (value !== null) {
				words[validity.length * 2] = BigInt.asIntN(64, value);
				words[validity.length * 2 + 1] = value >> 64n;
			}
			validity.add(value !== null);
		},
		bytes: words.byteLength,
		finish: () =>
			makeData({
				type,
				...validity.common(),
				data: new Uint32Array(words.buffer, 0, validity.length * 4),
			} as never),
	};
}

export function booleanBuffer(type: DataType, capacity: number): ColumnBuffer<boolean> {
	const validity = new Validity(capacity);
	const values = new Validity(capacity);
	return {
		append(value) {
			validity.add(value !== null);
			values.add(value === true);
		},
		bytes: Math.ceil(capacity / 4),
		finish: () => makeData({ type, ...validity.common(), data: values.bits } as never),
	};
}

const UTF8_MOST = 3;

/** Texts or bytes of any length, one behind the other. */
export function bytesBuffer(type: DataType, capacity: number): ColumnBuffer<string | Uint8Array> {
	const validity = new Validity(capacity);
	const offsets = new Int32Array(capacity + 1);
	let data = Buffer.alloc(capacity * 8);
	let used = 0;
	const makeRoom = (size: number): void => {
		if (used + size <= data.length) return;
		const larger = Buffer.alloc(Math.max(data.length * 2, used + size));
		data.copy(larger, 0, 0, used);
		data = larger;
	};
	return {
		append(value) {
			if (typeof value === 'string') {
				makeRoom(value.length * UTF8_MOST);
				used += data.write(value, used, 'utf8');
			} else if (value !== null) {
				makeRoom(value.length);
				data.set(value, used);
				used += value.length;
			}
			validity.add(value !== null);
			offsets[validity.length] = used;
		},
		get bytes() {
			return used;
		},
		finish: () =>
			makeData({
				type,
				...validity.common(),
				valueOffsets: offsets.subarray(0, validity.length + 1),
				data: data.subarray(0, used),
			} as never),
	};
}
