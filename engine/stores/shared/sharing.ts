import type { ShareOut } from '../../contract/share.ts';

/**
 * A claim for several tenants, in rounds: whoever has less than its share leaves the rest to the others. Use:
 *
 *     for (let wanted = sharing.next(); wanted !== null; wanted = sharing.next()) sharing.found(take(wanted));
 *
 * where `take` finds so many of each tenant, those of earlier rounds included.
 */
export interface Sharing<T> {
	/** How many are wanted of each tenant, all rounds together; null: it is over. */
	next(): ReadonlyMap<string, number> | null;
	found(byTenant: ReadonlyMap<string, readonly T[]>): void;
	/** All that were found, by tenant. */
	all(): T[];
}

/** Without `share`, as many are wanted of each as of all: who gets them is decided by the order among them. */
export function createSharing<T>(options: {
	tenants: readonly string[];
	limit: number;
	share: ShareOut | undefined;
}): Sharing<T> {
	const { limit, share } = options;
	let open = options.tenants;
	const found = new Map<string, readonly T[]>();
	let wanted = new Map<string, number>();

	function count(): number {
		let sum = 0;
		for (const list of found.values()) sum += list.length;
		return sum;
	}

	function quotas(): ReadonlyMap<string, number> {
		const left = limit - count();
		// Nobody to share with: what is there is what one alone would get.
		if (share === undefined || open.length === 1) return new Map(open.map((one) => [one, left]));
		const taken = new Map([...found].map(([tenant, list]) => [tenant, list.length]));
		return share({ tenants: open, limit: left, taken });
	}

	return {
		next() {
			if (open.length === 0 || count() >= limit) return null;
			if (share === undefined && found.size > 0) return null;
			wanted = new Map();
			for (const [tenant, more] of quotas()) {
				if (more > 0) wanted.set(tenant, (found.get(tenant)?.length ?? 0) + more);
			}
			return wanted.size === 0 ? null : wanted;
		},
		found(byTenant) {
			const exhausted = new Set<string>();
			for (const [tenant, most] of wanted) {
				const list = byTenant.get(tenant) ?? [];
				found.set(tenant, list);
				if (list.length < most) exhausted.add(tenant);
			}
			open = open.filter((tenant) => !exhausted.has(tenant));
		},
		all: () => [...found.values()].flat(),
	};
}
