import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';

/**
 * Inside a write: applies a batch of settlements. One that cannot be written, which is a fault of ours, must
 * not keep the others from being applied for ever: it is reported, and answered as not applied.
 */
export function settleEach<S>(
	{ onFault }: Pick<Context, 'onFault'>,
	tx: Transaction,
	settlements: readonly S[],
	batch: { where: string; idOf: (settlement: S) => string; settle: (settlement: S) => boolean },
): boolean[] {
	try {
		return tx.isolated(() => settlements.map(batch.settle));
	} catch (error) {
		if (tx.isFatal(error)) throw error;
	}
	return settlements.map((settlement) => {
		try {
			return tx.isolated(() => batch.settle(settlement));
		} catch (error) {
			if (tx.isFatal(error)) throw error;
			onFault({ where: batch.where, id: batch.idOf(settlement), error });
			return false;
		}
	});
}
