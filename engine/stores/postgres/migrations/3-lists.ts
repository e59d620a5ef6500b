import type { Migration } from '../migration.ts';

/** Version 3: schedules of one capability in one state, which would otherwise all be read to find a few. */
export const LISTS: Migration = {
	indexes: [
		{ name: 'schedules_capability_state', on: 'schedules (tenant, capability, state, id)' },
	],
	script: '',
};
