import type { Run, RunState } from '../../contract/run.ts';
import type { Database } from './database.ts';

/**
 * Which queued runs may be claimed, kept up to date at every write so that a claim never has to look
 * through runs that must wait, however many share a key.
 *
 * - `serialKey`: one at a time in the order of insertion. The oldest unfinished run of a key is its head; all
 *   others wait at gate BLOCKED. When the head ends, the next becomes head.
 * - `concurrencyKey`: one at a time. Those that could go wait at gate KEYED. A row in `run_gates` says that
 *   nobody holds the key (in `running` or `waiting`) and when the first run that waits for it is ready.
 * - neither: FREE.
 */
export const FREE = 0;
export const KEYED = 1;
export const BLOCKED = 2;

export type Keys = Pick<Run, 'tenant' | 'serialKey' | 'concurrencyKey'>;

export interface RunGates {
	/** The gate of a run that is about to be inserted. */
	gateOf(run: Keys): number;
	/** To be called when a run with a key was inserted, or has changed its state or readiness. */
	moved(run: Keys & { gate: number }, state: RunState): void;
	/** Opens or closes a concurrency key as its runs demand. */
	refresh(tenant: string, concurrencyKey: string): void;
}

const UNFINISHED: readonly RunState[] = ['queued', 'running', 'waiting', 'retrying'];
const SERIAL = `FROM runs INDEXED BY runs_serial WHERE tenant = ? AND serialKey = ? AND serialKey IS NOT NULL
	AND state IN ('queued', 'running', 'waiting', 'retrying')`;

export function createRunGates(db: Database): RunGates {
	const openGate = ({ concurrencyKey }: Pick<Run, 'concurrencyKey'>): number =>
		concurrencyKey === null ? FREE : KEYED;

	function headOf(tenant: string, serialKey: string): number | undefined {
		return db
			.rows<[number]>(`SELECT seq ${SERIAL} AND gate < ${BLOCKED} LIMIT 1`)
			.get(tenant, serialKey)?.[0];
	}

	function promote(tenant: string, serialKey: string): void {
		if (headOf(tenant, serialKey) !== undefined) return;
		const next = db
			.rows<[seq: number, concurrencyKey: string | null]>(
				`SELECT seq, concurrencyKey ${SERIAL} AND gate = ${BLOCKED} ORDER BY seq LIMIT 1`,
			)
			.get(tenant, serialKey);
		if (next === undefined) return;
		const [seq, concurrencyKey] = next;
		db.sql('UPDATE runs SET gate = ? WHERE seq = ?').run(openGate({ concurrencyKey }), seq);
		if (concurrencyKey !== null) refresh(tenant, concurrencyKey);
	}

	function refresh(tenant: string, concurrencyKey: string): void {
		const holder = db
			.rows(
				`SELECT 1 FROM runs INDEXED BY runs_holding WHERE tenant = ? AND concurrencyKey = ?
				AND concurrencyKey IS NOT NULL AND state IN ('running', 'waiting') LIMIT 1`,
			)
			.get(tenant, concurrencyKey);
		const first =
			holder === undefined
				? db
						.rows<[number]>(
							`SELECT readyAt FROM runs INDEXED BY runs_gated WHERE tenant = ? AND concurrencyKey = ?
							AND state = 'queued' AND gate = ${KEYED} ORDER BY readyAt LIMIT 1`,
						)
						.get(tenant, concurrencyKey)
				: undefined;
		if (first === undefined) {
			db.sql('DELETE FROM run_gates WHERE tenant = ? AND concurrencyKey = ?').run(
				tenant,
				concurrencyKey,
			);
		} else {
			db.sql(
				`INSERT INTO run_gates (tenant, concurrencyKey, readyAt) VALUES (?, ?, ?)
				ON CONFLICT (tenant, concurrencyKey) DO UPDATE SET readyAt = excluded.readyAt
				WHERE readyAt <> excluded.readyAt`,
			).run(tenant, concurrencyKey, first[0]);
		}
	}

	return {
		gateOf(run) {
			const waits = run.serialKey !== null && headOf(run.tenant, run.serialKey) !== undefined;
			return waits ? BLOCKED : openGate(run);
		},
		moved(run, state) {
			if (run.concurrencyKey !== null) refresh(run.tenant, run.concurrencyKey);
			const headEnded = run.gate !== BLOCKED && !UNFINISHED.includes(state);
			if (run.serialKey !== null && headEnded) promote(run.tenant, run.serialKey);
		},
		refresh,
	};
}
