/* What the cases of the CapScheduler node share. */

export const SCHEDULE = 'sch_01kbrj7v2x9m4c8d1e5f6g7h8j';
export const RUN = 'run_01kbrj7v2x9m4c8d1e5f6g7h8j';
export const LINK = 'lnk_01kbrj7v2x9m4c8d1e5f6g7h8j';
export const DELIVERY = 'dlv_01kbrj7v2x9m4c8d1e5f6g7h8j';
export const BACKFILL = 'bkf_01kbrj7v2x9m4c8d1e5f6g7h8j';
export const CALENDAR = 'cal_01kbrj7v2x9m4c8d1e5f6g7h8j';
export const DESTINATION = 'dst_01kbrj7v2x9m4c8d1e5f6g7h8j';

export const byId = (value: string) => ({ __rl: true, mode: 'id', value });
export const byName = (value: string) => ({ __rl: true, mode: 'name', value });
export const page = (...items: object[]) => ({ items, nextCursor: null });

/** An operation, the request that it stands for, and what it gives. */
export interface Case {
	name: string;
	parameters: Record<string, unknown>;
	request: [method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string, body?: object];
	/** Of a change of what exists: it is read first. */
	reads?: [path: string, current: object];
	reply?: object;
	items?: object[];
}
