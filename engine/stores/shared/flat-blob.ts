import type { BlobRef } from '../../contract/result.ts';

/* Records that refer to a blob are rows with its hash and size as columns of their own. */

export type Flat<T extends { blob: BlobRef }> = Omit<T, 'blob'> & BlobRef;

export function flatten<T extends { blob: BlobRef }>({ blob, ...rest }: T): Flat<T> {
	return { ...rest, ...blob };
}

export function unflatten<T extends { blob: BlobRef }>({ sha256, size, ...rest }: Flat<T>): T {
	return { ...rest, blob: { sha256, size } } as unknown as T;
}
