/** Rows that belong to another, and the field that names it. What belongs to deliveries comes after them. */
export const BELONGING = [
	{ table: 'run_attempts', parent: 'runs', key: 'runId' },
	{ table: 'deliveries', parent: 'runs', key: 'runId' },
	{ table: 'notifications', parent: 'runs', key: 'runId' },
	{ table: 'links', parent: 'runs', key: 'runId' },
	{ table: 'delivery_attempts', parent: 'deliveries', key: 'deliveryId' },
] as const;

/** How many belong to what does not exist, in the SQL of both SQLite and PostgreSQL. */
export const COUNT_ORPHANS = `SELECT ${BELONGING.map(
	({ table, parent, key }) => `(SELECT count(*) FROM ${table} x WHERE NOT EXISTS
		(SELECT 1 FROM ${parent} p WHERE p.id = x.${key}))`,
).join(' + ')}`;
