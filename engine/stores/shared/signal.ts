import type { RunId } from '../../contract/ids.ts';

/** What another engine has committed. Hints, never the truth: who misses one finds it by looking. */
export interface Signal {
	/** There may be something to claim, or a timer that is due earlier. */
	work: boolean;
	/** Tenants that have new events. */
	tenants: ReadonlySet<string>;
	ended: readonly RunId[];
	cancelled: readonly RunId[];
}
