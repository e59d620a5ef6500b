/** Waits until each has ended, however the others did. @throws the failure of the first of them that failed, then */
export async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
	await Promise.allSettled(work);
	await Promise.all(work);
}
