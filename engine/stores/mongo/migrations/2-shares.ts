import type { Index } from '../index-spec.ts';

/**
 * Version 2: what a claim looks for is found by tenant, so that tenants get their shares of it. The index `ready` of
 * version 1 stays: engines of that version claim by it, and without it they would read all runs.
 */
export const SHARES: readonly Index[] = [
	{
		on: 'runs',
		name: 'claim',
		key: { tenant: 1, priority: -1, ready: 1, seq: 1 },
		where: { ready: { $exists: true } },
	},
];
