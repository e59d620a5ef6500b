/** Modules of the package as it is installed, types from its sources. */
export const built = async <T>(path: string): Promise<T> =>
	(await import(new URL(`../../../engine/dist/${path}`, import.meta.url).href)) as T;

export type Registry = typeof import('../../../engine/formats/registry.ts');
export type Sparing = typeof import('../../../engine/pipeline/sparing.ts');
export type RowReader = typeof import('../../../engine/formats/rows/index.ts');

/** Processor time of this process, all its threads, while `work` runs. */
export async function cpuOf(work: () => Promise<unknown>): Promise<number> {
	const before = process.cpuUsage();
	await work();
	const { user, system } = process.cpuUsage(before);
	return (user + system) / 1e6;
}
