/**
 * What an engine does of all that engines do; together those that share a store must do all of it:
 *
 * - `api`: answers the REST API and result links. It runs nothing.
 * - `scheduler`: decides what is due, requeues, takes over what lost its engine, and keeps house.
 * - `worker`: carries runs out, delivers, and notifies.
 *
 * Every engine answers `/healthz`, `/readyz` and `/metrics`.
 */
export const ROLES = ['api', 'scheduler', 'worker'] as const;
export type Role = (typeof ROLES)[number];
