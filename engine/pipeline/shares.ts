import type { ShareOut } from '../contract/share.ts';
import { shareOut } from '../core/run/shares.ts';

/** What an engine keeps of its tenants, so that they get their shares of its hands; see core/run/shares.ts. */
export interface Shares {
	/** For a claim. */
	readonly share: ShareOut;
	/** The claim is made. */
	claimed(tenants: readonly string[]): void;
	/** A run lets go of its hand. */
	done(tenant: string): void;
}

export function createShares(options: {
	capacity: number;
	/** Default 1. */
	weights: ReadonlyMap<string, number>;
}): Shares {
	const { capacity, weights } = options;
	const weightOf = (tenant: string): number => weights.get(tenant) ?? 1;
	const inHand = new Map<string, number>();
	const had = new Map<string, number>();
	let floor = 0;
	/** Who wants hands in the claim that is under way. */
	let wanting: readonly string[] = [];

	return {
		share(ask) {
			if (ask.taken.size === 0) wanting = ask.tenants;
			return shareOut({ capacity, weightOf, inHand, had, floor }, ask);
		},

		claimed(tenants) {
			const served = Map.groupBy(tenants, (tenant) => tenant);
			const all = new Set([...wanting, ...served.keys()]);
			wanting = [];
			if (all.size === 0) return;
			// Those that wait keep their place; all others that had less have none to keep.
			for (const tenant of all) had.set(tenant, Math.max(floor, had.get(tenant) ?? floor));
			floor = Math.min(...[...all].map((tenant) => had.get(tenant) ?? floor));
			for (const [tenant, { length }] of served) {
				inHand.set(tenant, (inHand.get(tenant) ?? 0) + length);
				had.set(tenant, (had.get(tenant) ?? floor) + length / weightOf(tenant));
			}
			for (const [tenant, much] of had) {
				if (much <= floor && !all.has(tenant)) had.delete(tenant);
			}
		},

		done(tenant) {
			const left = (inHand.get(tenant) ?? 0) - 1;
			if (left > 0) inHand.set(tenant, left);
			else inHand.delete(tenant);
		},
	};
}
