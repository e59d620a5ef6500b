import type { Delivery } from '../../contract/run.ts';
import { isLost, isSettled } from './transitions.ts';

/** What became of all targets of a run. `none`: it has none. `partial`: some got it, some did not. */
export const DELIVERED_STATES = ['none', 'pending', 'delivered', 'partial', 'dead'] as const;
export type DeliveredState = (typeof DELIVERED_STATES)[number];

/** A target is delivered when one of its chain is; one whose condition did not hold was to get nothing. */
export function overall(
	deliveries: readonly Pick<Delivery, 'targetKey' | 'state'>[],
): DeliveredState {
	if (deliveries.length === 0) return 'none';
	if (!deliveries.every(isSettled)) return 'pending';
	const targets = Map.groupBy(deliveries, ({ targetKey }) => targetKey.split('.')[0] ?? '');
	const ends = [...targets.values()].map((chain) => chain.some((one) => !isLost(one)));
	if (ends.every(Boolean)) return 'delivered';
	return ends.some(Boolean) ? 'partial' : 'dead';
}
