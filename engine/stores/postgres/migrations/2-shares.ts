import { RANKED } from '../../shared/look-at.ts';
import type { Migration } from '../migration.ts';

/** Version 2: what a claim looks for is found by tenant, so that tenants get their shares of it. */
export const SHARES: Migration = {
	indexes: [
		// A run is in one of these two, as it was in the one that they replace.
		{
			name: 'runs_queued',
			on: `runs (tenant, lookAt, seq) WHERE state = 'queued'`,
		},
		{
			name: 'runs_watched',
			on: `runs (state, lookAt, seq) WHERE lookAt IS NOT NULL AND state <> 'queued'`,
		},
		{
			name: 'runs_urgent',
			on: `runs (tenant, priority DESC, readyAt, seq) WHERE lookAt = ${RANKED}`,
		},
		{ name: 'open_tiers_tenant', on: 'open_tiers (tenant, rank, readyAt)' },
		{ name: 'open_tiers_first', on: 'open_tiers (tenant, readyAt)' },
	],
	script: `
DROP INDEX runs_due, runs_ranked, open_tiers_ready, open_tiers_soonest;
`,
};
