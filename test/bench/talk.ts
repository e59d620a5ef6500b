import { createInterface } from 'node:readline';

/** The child's side of child.ts. */
export function tell(message: unknown): void {
	process.stdout.write(`${JSON.stringify(message)}\n`);
}

export function hear(): AsyncIterableIterator<string> {
	return createInterface({ input: process.stdin })[Symbol.asyncIterator]();
}

export async function read<T>(lines: AsyncIterator<string>): Promise<T> {
	return JSON.parse((await lines.next()).value as string) as T;
}
