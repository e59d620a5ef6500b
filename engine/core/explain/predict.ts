import type { DueSchedule } from '../../contract/change.ts';
import type { NewId } from '../../contract/ids.ts';
import type { LedgerRow } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { cancelled } from '../run/transitions.ts';
import { decideOccurrences } from '../schedule/occurrences.ts';

const NO_FOLLOW_UPS = { deliveries: [], notifications: [], links: [] };

/** What an occurrence would become if the schedule were decided now; null when it is not due. */
export function predict(due: DueSchedule, at: Instant, now: Instant): LedgerRow | null {
	let ids = 0;
	const { ledger } = decideOccurrences(due, {
		now,
		newId: ((kind: string) => `${kind}_${ids++}`) as NewId,
		cancel: (run, message) =>
			cancelled(run, {
				at: now,
				error: { code: 'CANCELLED', message },
				followUps: NO_FOLLOW_UPS,
			}),
	});
	return ledger.find(({ nominalAt }) => nominalAt === at) ?? null;
}
