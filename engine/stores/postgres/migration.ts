/** From one version of the tables to the next; see schema.ts. */
export interface Migration {
	/** Built first, beside writers of all engines, and not in a transaction: what a crash leaves is built anew. */
	indexes?: readonly { name: string; on: string }[];
	/** One transaction. */
	script: string;
}
