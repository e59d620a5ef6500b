import type { RunSettlement } from '../../contract/change.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { NewId } from '../../contract/ids.ts';
import type { Delivery, Run, SlaState } from '../../contract/run.ts';
import { RUN_STATES } from '../../contract/run.ts';
import type { RunSpec } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { isSettled } from '../delivery/transitions.ts';
import { notificationOf, slaNotifyKey } from './follow-ups.ts';
import { isOver, runEvent } from './transitions.ts';

/*
 * Whether a run was in time (`policies.sla`): it has succeeded, and every target has what it should have, by
 * `slaDueAt`. That is decided once: as soon as it is known, and at `slaDueAt` at the latest.
 */

export type SlaVerdict = Exclude<SlaState, 'pending'>;

type Chain = Pick<Delivery, 'targetKey' | 'state' | 'endedAt'>;

/** Null while it may turn out either way. `deliveries` are all of the run, fallbacks included. */
export function slaVerdict(
	run: Pick<Run, 'state' | 'endedAt' | 'slaDueAt'>,
	deliveries: readonly Chain[],
	at: Instant,
): SlaVerdict | null {
	const dueAt = run.slaDueAt ?? Infinity;
	if (run.state === 'succeeded') {
		const doneAt = doneAtOf(run.endedAt ?? at, deliveries);
		if (doneAt !== null) return doneAt <= dueAt ? 'met' : 'missed';
		// Nothing more comes by itself; who replays a dead letter does so after the fact.
		if (deliveries.every(isSettled)) return 'missed';
	} else if (isOver(run.state)) {
		return 'missed';
	}
	return at >= dueAt ? 'missed' : null;
}

/** When the last target had got its file, by itself or by a fallback; null: not all have. */
function doneAtOf(endedAt: Instant, deliveries: readonly Chain[]): Instant | null {
	const served = new Map<string, Instant | null>();
	for (const { targetKey, state, endedAt: at } of deliveries) {
		const target = targetKey.split('.')[0] ?? targetKey;
		const done = state === 'delivered' || state === 'skipped' ? at : null;
		const before = served.get(target) ?? null;
		served.set(
			target,
			done === null || before === null ? (done ?? before) : Math.min(done, before),
		);
	}
	let doneAt = endedAt;
	for (const at of served.values()) {
		if (at === null) return null;
		doneAt = Math.max(doneAt, at);
	}
	return doneAt;
}

/** Writes the verdict, once, and tells who asked for it. */
export function slaSettled(
	run: Run,
	spec: Pick<RunSpec, 'notify'> | null,
	verdict: SlaVerdict,
	{ at, newId }: { at: Instant; newId: NewId },
): RunSettlement {
	const told = verdict === 'missed' ? (spec?.notify ?? []) : [];
	return {
		runId: run.id,
		tenant: run.tenant,
		from: RUN_STATES,
		epoch: null,
		readSlaState: 'pending',
		set: { slaState: verdict, slaSettledAt: at },
		notifications: told
			.filter(({ on }) => on.includes('sla_missed'))
			.map((notify) => ({
				...notificationOf(run, notify, { at, newId }),
				notifyKey: slaNotifyKey(notify.key),
			})),
		events: [slaEvent(run, verdict, at)],
	};
}

/** What the end of a run says about its SLA; null when it has none, or deliveries are still to come. */
export function slaAfterEnd(
	run: Run,
	spec: RunSpec | null,
	end: Pick<RunSettlement, 'set' | 'deliveries'>,
	context: { at: Instant; newId: NewId },
): RunSettlement | null {
	const { state } = end.set;
	if (run.slaState !== 'pending' || state === undefined || !isOver(state)) return null;
	// The write may come long after: the disk was full.
	const ended = { state, endedAt: end.set.endedAt ?? context.at, slaDueAt: run.slaDueAt };
	const verdict = slaVerdict(ended, end.deliveries ?? [], context.at);
	if (verdict === null) return null;
	// Only if it was this end that was written.
	return { ...slaSettled(run, spec, verdict, context), from: [state] };
}

function slaEvent(run: Run, verdict: SlaVerdict, at: Instant): EventDraft {
	return runEvent(`sla.${verdict}`, run, at, {
		dueAt: new Date(run.slaDueAt ?? at).toISOString(),
		...(run.nominalAt === null ? {} : { nominalAt: new Date(run.nominalAt).toISOString() }),
	});
}
