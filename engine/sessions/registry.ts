import type { SessionAdapter } from './session.port.ts';

export interface SessionRegistry {
	get(type: string): SessionAdapter | undefined;
	list(): readonly SessionAdapter[];
}

/** The runtime bindings that this engine offers, by `binding.type`. */
export function createSessionRegistry(adapters: readonly SessionAdapter[]): SessionRegistry {
	const byType = new Map(adapters.map((adapter) => [adapter.type, adapter]));
	if (byType.size !== adapters.length) throw new Error('two session adapters have the same type');
	return { get: (type) => byType.get(type), list: () => adapters };
}
