import fc from 'fast-check';

import { WEBHOOK_RETRIES } from '../../../../engine/channels/channel.port.ts';
import type {
	DeliverySettlement,
	NotificationSettlement,
} from '../../../../engine/contract/change.ts';
import type { Receipt } from '../../../../engine/contract/delivery.ts';
import type { NewId } from '../../../../engine/contract/ids.ts';
import type { Delivery, Notification } from '../../../../engine/contract/run.ts';
import {
	afterNotifyFailure,
	notificationReleased,
	notified,
} from '../../../../engine/core/delivery/notification-transitions.ts';
import {
	afterSendFailure,
	delivered,
	fallbackOf,
	isSettled,
	nextSendAt,
	released,
	replayed,
	skipped,
} from '../../../../engine/core/delivery/transitions.ts';
import { ENGINE, aDelivery, aNotification } from '../../../support/core-records.ts';

const AT = Date.UTC(2027, 0, 1);
const DAY = 86_400_000;
let ids = 0;
const newId = ((kind: string) => `${kind}_${ids++}`) as NewId;
const artifact = { sha256: 'a'.repeat(64), size: 3, contentType: 'text/csv', filename: 'x.csv' };
const sent = { startedAt: AT, at: AT, artifact };
const failure = {
	error: { code: 'TARGET_FAULT', message: 'HTTP 500' },
	outcome: 'failed',
	retry: 'later',
} as const;
const context = { ...sent, retries: WEBHOOK_RETRIES, newId };

const DECISIONS: Record<string, (delivery: Delivery) => DeliverySettlement> = {
	delivered: (delivery) => delivered(delivery, { ...sent, receipt: { location: 'x' } as Receipt }),
	skipped: (delivery) => skipped(delivery, { startedAt: AT, at: AT, reason: 'no rows' }),
	failed: (delivery) => afterSendFailure(delivery, failure, context),
	refused: (delivery) => afterSendFailure(delivery, { ...failure, retry: 'never' }, context),
	gone: (delivery) =>
		afterSendFailure(delivery, { ...failure, retry: 'never', disable: true }, context),
	released: (delivery) => released(delivery, { at: AT }),
	replayed: (delivery) => replayed(delivery, { at: AT }),
};

function claim<T extends Delivery | Notification>(row: T): T {
	if (row.state !== 'pending' && row.state !== 'failed') return row;
	return {
		...row,
		state: 'sending',
		epoch: row.epoch + 1,
		attempt: row.attempt + 1,
		owner: ENGINE,
	};
}

function apply<T extends Delivery | Notification>(
	row: T,
	settlement: Pick<DeliverySettlement | NotificationSettlement, 'epoch' | 'set'> & {
		from: readonly string[];
	},
): T {
	const { from, epoch, set } = settlement;
	const matches = from.includes(row.state) && (epoch === null || epoch === row.epoch);
	return matches ? { ...row, ...set } : row;
}

const steps = fc.array(
	fc.record({
		decision: fc.constantFrom('claim', 'claim', ...Object.keys(DECISIONS)),
		age: fc.nat(4),
	}),
	{ maxLength: 40 },
);

describe('the life of a delivery', () => {
	it('leaves a settled state by a replay only, and a stale epoch changes nothing', () => {
		fc.assert(
			fc.property(steps, (life) => {
				const history = [aDelivery()];
				for (const { decision, age } of life) {
					const now = history.at(-1)!;
					const seen = history.at(-1 - age) ?? now;
					const settlement = DECISIONS[decision]?.(seen);
					const next = settlement === undefined ? claim(now) : apply(now, settlement);
					if (isSettled(now) && decision !== 'replayed') expect(next).toBe(now);
					if (now.state === 'skipped') expect(next).toBe(now);
					if (settlement && seen.epoch !== now.epoch) expect(next).toBe(now);
					expect(next.owner !== null).toBe(next.state === 'sending');
					expect(next.endedAt !== null).toBe(isSettled(next));
					history.push(next);
				}
			}),
			{ numRuns: 2000 },
		);
	});

	it('keeps the bytes once they were rendered, through every retry and replay', () => {
		fc.assert(
			fc.property(steps, (life) => {
				let delivery = claim(aDelivery());
				delivery = apply(delivery, afterSendFailure(delivery, failure, context));
				for (const { decision } of life) {
					const settlement = DECISIONS[decision]?.({ ...delivery });
					delivery = settlement === undefined ? claim(delivery) : apply(delivery, settlement);
					expect(delivery.artifact).toEqual(artifact);
				}
			}),
		);
	});

	it('dies after the last wait, and the fallbacks take over one by one', () => {
		const { target } = aDelivery();
		const fallbacks = ['0.1', '0.2'].map((key) => ({ ...target, key }));
		let delivery: Delivery | null = aDelivery({ fallbacks });
		const tried: string[] = [];
		while (delivery !== null) {
			let row: Delivery = delivery;
			let next: Delivery | undefined;
			for (let sends = 0; !isSettled(row); sends++) {
				expect(sends).toBeLessThanOrEqual(WEBHOOK_RETRIES.length);
				row = claim(row);
				const settlement = afterSendFailure(row, failure, context);
				({ next } = settlement);
				row = apply(row, settlement);
			}
			expect(row).toMatchObject({ state: 'dead', attempt: WEBHOOK_RETRIES.length + 1 });
			tried.push(row.targetKey);
			delivery = next ?? null;
		}
		expect(tried).toEqual(['0', '0.1', '0.2']);
	});

	it('starts a fallback afresh', () => {
		const { target } = aDelivery();
		const dead = aDelivery({
			attempt: 4,
			epoch: 4,
			artifact,
			fallbacks: [{ ...target, key: '0.1' }],
		});
		expect(fallbackOf(dead, { at: AT, newId, code: 'TIMEOUT' })).toMatchObject({
			targetKey: '0.1',
			state: 'pending',
			attempt: 0,
			epoch: 0,
			artifact: null,
			fallbacks: [],
		});
		expect(fallbackOf(aDelivery(), { at: AT, newId, code: 'TIMEOUT' })).toBeNull();
	});

	it('disables the target that is gone, and no other', () => {
		const delivery = claim(aDelivery());
		expect(DECISIONS['gone']?.(delivery).disable).toMatchObject({
			targetKey: '0',
			destination: null,
		});
		expect(DECISIONS['refused']?.(delivery).disable).toBeUndefined();
	});
});

describe('the time of the next send', () => {
	it('is the schedule of Standard Webhooks with at most a tenth on top, or what the receiver asked for', () => {
		const failures = fc.record({
			attempt: fc.integer({ min: 1, max: 15 }),
			retryAfter: fc.option(fc.integer({ min: 0, max: 3 * DAY }), { nil: undefined }),
			retry: fc.constantFrom('later', 'never'),
		});
		fc.assert(
			fc.property(fc.uuid(), failures, (id, failed) => {
				const next = nextSendAt(id, { ...failed, at: AT, retries: WEBHOOK_RETRIES });
				const wait = WEBHOOK_RETRIES[failed.attempt - 1];
				expect(next === null).toBe(failed.retry === 'never' || wait === undefined);
				if (next === null || wait === undefined) return;
				const asked = Math.min(failed.retryAfter ?? 0, DAY);
				expect(next - AT).toBeGreaterThanOrEqual(Math.max(wait, asked));
				expect(next - AT).toBeLessThanOrEqual(Math.max(Math.round(wait * 1.1), asked));
			}),
		);
	});
});

describe('the life of a notification', () => {
	const decisions: Record<string, (row: Notification) => NotificationSettlement> = {
		notified: (row) => notified(row, { at: AT, status: 204 }),
		failed: (row) =>
			afterNotifyFailure(row, failure, { at: AT, retries: WEBHOOK_RETRIES, destination: null }),
		gone: (row) =>
			afterNotifyFailure(
				row,
				{ ...failure, retry: 'never', disable: true },
				{ at: AT, retries: WEBHOOK_RETRIES, destination: null },
			),
		released: (row) => notificationReleased(row, { at: AT }),
	};

	it('ends once, without its secrets', () => {
		const names = fc.constantFrom('claim', 'claim', ...Object.keys(decisions));
		fc.assert(
			fc.property(fc.array(names, { maxLength: 30 }), (life) => {
				let row = aNotification({ sealedUrl: 'u', sealedBody: 'b' });
				for (const name of life) {
					const before = row;
					const settlement = decisions[name]?.(row);
					row = settlement === undefined ? claim(row) : apply(row, settlement);
					const over = row.state === 'delivered' || row.state === 'dead';
					if (before.endedAt !== null) expect(row).toBe(before);
					expect(row.endedAt !== null).toBe(over);
					expect([row.sealedUrl, row.sealedBody]).toEqual(over ? [null, null] : ['u', 'b']);
				}
			}),
		);
	});
});
