import type { Parcel } from '../channels/channel.port.ts';
import { CapError } from '../contract/errors.ts';
import type { Duration } from '../contract/time.ts';

/*
 * What goes wrong in the engine's own store while something is to be sent is no fault of the target's: it uses up
 * no attempt, and what was to be sent goes back until the store may be there again.
 */

/** How long what was to be sent stays back. */
export const STORE_PAUSE: Duration = 5_000;

export function isStoreTrouble(error: unknown): error is CapError {
	return (
		error instanceof CapError &&
		(error.code === 'STORAGE_UNAVAILABLE' || error.code === 'STORAGE_FULL')
	);
}

/**
 * The parcel, with an eye on what is read from the store for it: a channel only sees that its source broke off, and
 * says so in its own words.
 */
export function watched(parcel: Parcel): { parcel: Parcel; trouble: () => CapError | null } {
	let trouble: CapError | null = null;
	const noted = (error: unknown): unknown => {
		if (isStoreTrouble(error)) trouble ??= error;
		return error;
	};
	async function* read(): AsyncGenerator<Uint8Array> {
		try {
			yield* parcel.open();
		} catch (error) {
			throw noted(error);
		}
	}
	async function asked<T>(ask: () => Promise<T>): Promise<T> {
		try {
			return await ask();
		} catch (error) {
			throw noted(error);
		}
	}
	const { report } = parcel;
	return {
		parcel: {
			...parcel,
			open: read,
			...(report === undefined
				? {}
				: {
						report: {
							title: report.title,
							preview: async (limit) => asked(async () => report.preview(limit)),
							link: async () => asked(async () => report.link()),
						},
					}),
		},
		trouble: () => trouble,
	};
}
