import type { ShareAsk } from '../../contract/share.ts';

/** What an engine knows of its tenants when it hands out free hands. */
export interface ShareState {
	/** Hands of the engine, free or not. */
	capacity: number;
	weightOf: (tenant: string) => number;
	/** Runs in hand by tenant; those without may be missing. */
	inHand: ReadonlyMap<string, number>;
	/**
	 * How much each has had, divided by its weight: who has had least is next. Whoever is not in here comes in at
	 * `floor`: nobody saves up while there is nothing to do.
	 */
	had: ReadonlyMap<string, number>;
	floor: number;
}

interface Standing {
	tenant: string;
	weight: number;
	/** More of them than this only when nobody else wants the hands. */
	share: number;
	inHand: number;
	had: number;
	given: number;
}

/**
 * Fair shares of the free hands by weight, one hand after another: it goes to the tenant that has had least for its
 * weight, of those first that have fewer runs in hand than their share of all hands. So a tenant whose runs
 * take hours cannot hold more than its share for long when others have work, and where there are fewer hands than
 * tenants they come in turn. No hand stays free while anybody has work.
 */
export function shareOut(state: ShareState, ask: ShareAsk): Map<string, number> {
	const standings = standingsOf(state, ask);
	for (let left = ask.limit; left > 0; left--) {
		let next: Standing | undefined;
		for (const one of standings) if (next === undefined || isBefore(one, next)) next = one;
		if (next === undefined) break;
		give(next);
	}
	return new Map(standings.map(({ tenant, given }) => [tenant, given]));
}

function standingsOf(
	{ capacity, weightOf, inHand, had, floor }: ShareState,
	{ tenants, taken }: ShareAsk,
): Standing[] {
	const wanting = new Set([...tenants, ...inHand.keys(), ...taken.keys()]);
	let weights = 0;
	for (const tenant of wanting) weights += weightOf(tenant);
	return tenants.map((tenant) => {
		const weight = weightOf(tenant);
		const before = taken.get(tenant) ?? 0;
		return {
			tenant,
			weight,
			share: (capacity * weight) / weights,
			inHand: (inHand.get(tenant) ?? 0) + before,
			had: Math.max(floor, had.get(tenant) ?? floor) + before / weight,
			given: 0,
		};
	});
}

function isBefore(a: Standing, b: Standing): boolean {
	const [aUnder, bUnder] = [a.inHand < a.share, b.inHand < b.share];
	if (aUnder !== bUnder) return aUnder;
	// After this one more: a tenant of a large weight is not behind because another has had nothing yet.
	return a.had + 1 / a.weight < b.had + 1 / b.weight;
}

function give(one: Standing): void {
	one.given += 1;
	one.inHand += 1;
	one.had += 1 / one.weight;
}
