/** What every test runner has: Jest, Vitest, `node:test`. */
export interface Runner {
	readonly describe: (name: string, body: () => void) => unknown;
	readonly it: (name: string, body: () => Promise<void>) => unknown;
}
