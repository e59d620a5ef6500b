import type { Capability } from '../../contract/capability.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import { capabilityRows } from './rows.ts';

type Capabilities = Pick<
	Store,
	'putCapability' | 'getCapability' | 'listCapabilities' | 'deleteCapability'
>;

/** How many are kept in memory. */
const CACHED = 1000;

export function createCapabilities({ db, write }: Context): Capabilities {
	/**
	 * As read last, since every attempt asks. No other process writes here. A write forgets the entry and sets
	 * none: it may yet be rolled back, and nobody reads in the middle of a commit.
	 */
	const read = new Map<string, Capability>();
	const select = `SELECT ${capabilityRows.columns} FROM capabilities WHERE tenant = ?`;

	function find(tenant: string, name: string): Capability | null {
		const row = db.rows(`${select} AND name = ?`).get(tenant, name);
		return row === undefined ? null : capabilityRows.fromRow(row);
	}

	function usedBy(tenant: string, name: string): ScheduleId[] {
		return db
			.rows<[ScheduleId]>(
				`SELECT id FROM schedules INDEXED BY schedules_capability
				WHERE tenant = ? AND capability = ? AND state IN ('active', 'paused')
				ORDER BY id LIMIT ${USED_BY_LIMIT}`,
			)
			.all(tenant, name)
			.map(([id]) => id);
	}

	return {
		putCapability: (capability, { expected, events }) =>
			write((tx) => {
				const { tenant, name } = capability;
				const present = find(tenant, name);
				if (expected !== undefined && expected !== (present?.revision ?? null)) {
					return 'revision_differs';
				}
				const kept: Capability = {
					...capability,
					revision: (present?.revision ?? 0) + 1,
					createdAt: present?.createdAt ?? capability.createdAt,
				};
				read.delete(`${tenant}/${name}`);
				db.sql(capabilityRows.insertOrReplace).run(...capabilityRows.toRow(kept));
				tx.events(events);
				return kept;
			}),

		async getCapability(tenant, name) {
			const key = `${tenant}/${name}`;
			const known = read.get(key);
			if (known !== undefined) return known;
			const found = find(tenant, name);
			if (found === null) return null;
			if (read.size >= CACHED) read.clear();
			read.set(key, found);
			return found;
		},

		async listCapabilities(tenant, page) {
			const after = decodeCursor(page.cursor, 'string') ?? '';
			const items = db
				.rows(`${select} AND name > ? ORDER BY name LIMIT ?`)
				.all(tenant, after, readLimit(page))
				.map(capabilityRows.fromRow);
			return pageOf(items, page.limit, ({ name }) => name);
		},

		deleteCapability: (tenant, name, { expected, events }) =>
			write((tx) => {
				const present = find(tenant, name);
				if (present === null) return 'not_found';
				if (expected !== undefined && present.revision !== expected) return 'revision_differs';
				const users = usedBy(tenant, name);
				if (users.length > 0) return { usedBy: users };
				read.delete(`${tenant}/${name}`);
				db.sql('DELETE FROM capabilities WHERE tenant = ? AND name = ?').run(tenant, name);
				tx.events(events);
				return 'deleted';
			}),
	};
}
