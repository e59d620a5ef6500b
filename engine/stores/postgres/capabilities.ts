import type { Capability } from '../../contract/capability.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import { createLoader } from './loader.ts';
import { capabilityRows } from './rows.ts';
import type { Transaction } from './transaction.ts';

type Capabilities = Pick<
	Store,
	'putCapability' | 'getCapability' | 'listCapabilities' | 'deleteCapability'
>;

const SELECT = `SELECT ${capabilityRows.columns} FROM capabilities`;
const PUT = `INSERT INTO capabilities (${capabilityRows.columns})
	VALUES (${capabilityRows.fields.map((_, i) => `$${i + 1}`).join(', ')})
	ON CONFLICT (tenant, name) DO UPDATE SET
		${capabilityRows.fields.map((field) => `${field} = excluded.${field}`).join(', ')}`;

/** Inside a write: what is decided about one capability is decided by one after another. */
async function lock(tx: Transaction, tenant: string, name: string): Promise<void> {
	await tx.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [
		`capability ${tenant} ${name}`,
	]);
}

export function createCapabilities({ db, write }: Context): Capabilities {
	/**
	 * Every attempt asks, and other engines may write at any time: nothing is kept, but attempts that begin
	 * together ask together.
	 */
	const load = createLoader<Capability>(async (keys) => {
		const named = keys.map((key) => JSON.parse(key) as [string, string]);
		const rows = await db.rows(
			`${SELECT} WHERE (tenant, name) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
			[named.map(([tenant]) => tenant), named.map(([, name]) => name)],
		);
		const found = rows.map(capabilityRows.fromRow);
		return new Map(found.map((one) => [JSON.stringify([one.tenant, one.name]), one]));
	});

	async function find(on: Queryable, tenant: string, name: string): Promise<Capability | null> {
		const row = await on.get(`${SELECT} WHERE tenant = $1 AND name = $2`, [tenant, name]);
		return row === undefined ? null : capabilityRows.fromRow(row);
	}

	async function usedBy(tx: Transaction, tenant: string, name: string): Promise<ScheduleId[]> {
		const rows = await tx.rows<[ScheduleId]>(
			`SELECT id FROM schedules
			WHERE tenant = $1 AND capability = $2 AND state IN ('active', 'paused')
			ORDER BY id LIMIT ${USED_BY_LIMIT}`,
			[tenant, name],
		);
		return rows.map(([id]) => id);
	}

	return {
		putCapability: (capability, { expected, events }) =>
			write(async (tx) => {
				const { tenant, name } = capability;
				await lock(tx, tenant, name);
				const present = await find(tx, tenant, name);
				if (expected !== undefined && expected !== (present?.revision ?? null)) {
					return 'revision_differs';
				}
				const kept: Capability = {
					...capability,
					revision: (present?.revision ?? 0) + 1,
					createdAt: present?.createdAt ?? capability.createdAt,
				};
				tx.later(PUT, capabilityRows.toRow(kept));
				tx.events(events);
				return kept;
			}),

		getCapability: (tenant, name) => load(JSON.stringify([tenant, name])),

		async listCapabilities(tenant, page) {
			const after = decodeCursor(page.cursor, 'string') ?? '';
			const rows = await db.rows(
				`${SELECT} WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3`,
				[tenant, after, readLimit(page)],
			);
			return pageOf(rows.map(capabilityRows.fromRow), page.limit, ({ name }) => name);
		},

		deleteCapability: (tenant, name, { expected, events }) =>
			write(async (tx) => {
				await lock(tx, tenant, name);
				const present = await find(tx, tenant, name);
				if (present === null) return 'not_found';
				if (expected !== undefined && present.revision !== expected) return 'revision_differs';
				const users = await usedBy(tx, tenant, name);
				if (users.length > 0) return { usedBy: users };
				tx.later('DELETE FROM capabilities WHERE tenant = $1 AND name = $2', [tenant, name]);
				tx.events(events);
				return 'deleted';
			}),
	};
}
