/** How many of the free hands each tenant gets; those that get none may be missing. At most `limit` together. */
export type ShareOut = (ask: ShareAsk) => ReadonlyMap<string, number>;

export interface ShareAsk {
	/** Those that have work to be taken up. */
	tenants: readonly string[];
	limit: number;
	/** What each got earlier in the same claim. */
	taken: ReadonlyMap<string, number>;
}
