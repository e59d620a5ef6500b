import { CapError } from '../../contract/errors.ts';

/** What a store says of a schedule that is deleted, or never was. */
export function noSchedule(id: string): CapError {
	return new CapError('NOT_FOUND', `no schedule ${id}`);
}
