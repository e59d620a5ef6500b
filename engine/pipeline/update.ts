import type { Actor } from '../contract/access.ts';
import type { Calendars } from '../contract/calendar.ts';
import { deliveryInputSchema } from '../contract/delivery.ts';
import { inputError } from '../contract/errors.ts';
import type { ScheduleId } from '../contract/ids.ts';
import { policiesSchema } from '../contract/policies.ts';
import type { RunSpec, Schedule } from '../contract/schedule.ts';
import type { SchedulePatch } from '../contract/schedule-patch.ts';
import type { Instant } from '../contract/time.ts';
import { shown } from '../contract/zod-issues.ts';
import { lintSent } from '../core/schedule/lint-timing.ts';
import { occurrenceEvent } from '../core/schedule/occurrence-events.ts';
import type { Resent, Retimed } from '../core/schedule/retiming.ts';
import { resend, retimed } from '../core/schedule/retiming.ts';
import { checkPolicies } from './accept.ts';
import { findAction } from './capabilities.ts';
import type { Changed, Decided } from './change-schedule.ts';
import { calendarsOf, namedCalendars } from './calendars.ts';
import { changeSchedule, done, settlePause, specOf } from './change-schedule.ts';
import type { Context } from './context.ts';
import { checkParameters } from './parameters.ts';
import type { CompiledSpec, SpecPatch } from './spec.ts';
import type { GeneratedSecrets } from './spec-parts.ts';
import { canonicalJson } from './spec-id.ts';
import { recompileSpec } from './spec.ts';

/** What is told of an update, beside the schedule. */
export interface Updated {
	/** Names of the fields that are not as they were. */
	changed: string[];
	/** How many skipped or moved occurrences went with the timing that they belonged to. */
	droppedOverrides: number;
	warnings: { code: string; message: string }[];
	/** Made by the engine and shown once, by the place in the request that they are for. */
	secrets: GeneratedSecrets;
}

/**
 * Changes what was sent. Runs that exist keep what they were made of; occurrences that were due before are
 * decided as the schedule was then; an unchanged timing changes nothing in when it fires.
 */
export async function updateSchedule(
	ctx: Context,
	actor: Actor,
	act: { id: ScheduleId; ifMatch?: number | undefined },
	patch: SchedulePatch,
): Promise<Changed<Updated>> {
	const from = ['active', 'paused', 'completed'] as const;
	const whole = { ...act, from, settled: true, done: 'be changed' } as const;
	return done(
		await changeSchedule<Updated>(ctx, actor, whole, async (schedule, now) => {
			const update = new Update(ctx, actor, { schedule, patch, now });
			return update.decide();
		}),
	);
}

const NOTHING = { changed: [], droppedOverrides: 0, warnings: [], secrets: {} };

/** With the calendars by which the next instant was worked out. */
type Timed = Retimed & { calendars: Calendars };

/** One round: what the patch makes of the schedule as it was read. */
class Update {
	readonly #ctx: Context;
	readonly #actor: Actor;
	readonly #schedule: Schedule;
	readonly #patch: SchedulePatch;
	readonly #now: Instant;

	constructor(
		ctx: Context,
		actor: Actor,
		round: { schedule: Schedule; patch: SchedulePatch; now: Instant },
	) {
		this.#ctx = ctx;
		this.#actor = actor;
		this.#schedule = round.schedule;
		this.#patch = round.patch;
		this.#now = round.now;
	}

	async decide(): Promise<Decided<Updated> | 'again'> {
		const { capability } = this.#schedule;
		if (this.#patch.capability !== undefined && this.#patch.capability !== capability) {
			throw inputError('INVALID_REQUEST', {
				path: 'capability',
				expected: `the capability of the schedule, "${capability}", or another schedule`,
				received: shown(this.#patch.capability),
			});
		}
		const before = await specOf(this.#ctx, this.#schedule);
		const resent = await this.#timing();
		const changed = this.#changed(before, resent);
		if (changed.length === 0) return { change: null, told: NOTHING };
		await this.#checkAction(before);
		const timed = await this.#retimed(resent);
		const warnings = await this.#warnings(before, { changed, resent });
		const spec = await this.#spec(before, { changed, timing: resent?.timing });
		// Nothing is wrong with it: the order until now ends here, and a pause with what fell into it so far.
		if (timed !== null && (await settlePause(this.#ctx, this.#schedule, this.#now))) return 'again';
		return this.#decided({ changed, timed, spec, warnings });
	}

	async #calendarsOf(timing: Resent['timing']): Promise<Calendars> {
		return calendarsOf(this.#ctx, { tenant: this.#actor.tenant, timing });
	}

	async #timing(): Promise<Resent | null> {
		const { timing, time, frequency } = this.#patch;
		if (timing === undefined && time === undefined && frequency === undefined) return null;
		return resend(
			this.#schedule,
			{ timing, time, frequency },
			{
				acceptedAt: this.#now,
				smallestInterval: this.#ctx.settings.smallestInterval,
				seed: this.#schedule.id,
				calendars: await namedCalendars(this.#ctx, this.#actor.tenant, timing ?? undefined),
			},
		);
	}

	/** What was sent and is another than before. Delivery and notify hold secrets, so they always are. */
	#changed(before: RunSpec, resent: Resent | null): string[] {
		const { name, labels, metadata, action } = this.#schedule;
		const patch = this.#patch;
		const differs = (sent: unknown, kept: unknown): boolean =>
			sent !== undefined && canonicalJson(sent as never) !== canonicalJson(kept as never);
		const fields: Record<string, boolean> = {
			action: differs(patch.action, action),
			parameters: differs(patch.parameters === null ? {} : patch.parameters, before.parameters),
			timing: resent?.changed === true,
			policies: differs(this.#policies(), before.policies),
			delivery: patch.delivery !== undefined,
			callback: patch.callback !== undefined,
			notify: patch.notify !== undefined,
			name: differs(patch.name, name),
			labels: differs(patch.labels === null ? {} : patch.labels, labels),
			metadata: differs(patch.metadata === null ? {} : patch.metadata, metadata),
		};
		return Object.keys(fields).filter((field) => fields[field]);
	}

	#policies(): RunSpec['policies'] | undefined {
		return this.#patch.policies === null ? policiesSchema.parse({}) : this.#patch.policies;
	}

	async #checkAction({ parameters: kept }: RunSpec): Promise<void> {
		const { action, parameters } = this.#patch;
		if (action === undefined && parameters === undefined) return;
		const found = await findAction(this.#ctx, this.#actor, {
			capability: this.#schedule.capability,
			action: action ?? this.#schedule.action,
		});
		await checkParameters(found.action, parameters === undefined ? kept : (parameters ?? {}));
	}

	async #retimed(resent: Resent | null): Promise<Timed | null> {
		if (resent?.changed !== true) return null;
		const calendars = await this.#calendarsOf(resent.timing);
		const context = { now: this.#now, by: this.#actor.keyId, calendars };
		return { ...retimed(this.#schedule, resent, context), calendars };
	}

	/** What is allowed but may surprise, of timing and policies where one of them is new. */
	async #warnings(
		before: RunSpec,
		{ changed, resent }: { changed: string[]; resent: Resent | null },
	): Promise<Updated['warnings']> {
		if (!changed.includes('timing') && !changed.includes('policies')) return [];
		const timing = resent?.timing ?? this.#schedule.timing;
		const { tenant, capability: name } = this.#schedule;
		const capability = await this.#ctx.store.getCapability(tenant, name);
		const calendars = await this.#calendarsOf(timing);
		const policies = this.#policies() ?? before.policies;
		return [
			...(resent === null ? [] : lintSent(this.#patch, timing, { from: this.#now, calendars })),
			...(capability === null
				? []
				: checkPolicies(this.#ctx, timing, policies, { calendars, capability })),
		];
	}

	/** Null when nothing that runs are made of is another. */
	async #spec(
		before: RunSpec,
		{ changed, timing }: { changed: string[]; timing: Resent['timing'] | undefined },
	): Promise<CompiledSpec | null> {
		if (!changed.some((field) => field !== 'labels' && field !== 'metadata')) return null;
		const { delivery, callback, notify, action, parameters, name } = this.#patch;
		const { id, revision } = this.#schedule;
		const sent: SpecPatch = {
			delivery: delivery === null ? deliveryInputSchema.parse({}) : delivery,
			callback,
			notify: notify === null ? [] : notify,
		};
		const frame = {
			...before,
			action: action ?? before.action,
			parameters: parameters === undefined ? before.parameters : (parameters ?? {}),
			policies: this.#policies() ?? before.policies,
			schedule: {
				id,
				name: name === undefined ? this.#schedule.name : name,
				revision: revision + 1,
			},
			timeZone: (timing ?? this.#schedule.timing).timeZone,
		};
		return recompileSpec(this.#ctx, frame, sent);
	}

	#decided(made: {
		changed: string[];
		timed: Timed | null;
		spec: CompiledSpec | null;
		warnings: Updated['warnings'];
	}): Decided<Updated> {
		const { changed, timed, spec, warnings } = made;
		const { action, name, labels, metadata, delivery, callback, notify } = this.#patch;
		const now = this.#now;
		const after = { ...this.#schedule, ...timed?.set };
		const droppedOverrides = timed?.dropped ?? 0;
		const forget = [
			...(delivery === undefined ? [] : (['delivery'] as const)),
			...(callback === undefined && notify === undefined ? [] : (['notify'] as const)),
		];
		return {
			change: {
				set: {
					...(action === undefined ? {} : { action }),
					...(name === undefined ? {} : { name }),
					...(labels === undefined ? {} : { labels: labels ?? {} }),
					...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
					...(spec === null ? {} : { specId: spec.record.id }),
					...(timed === null ? {} : { ...timed.set, zoneData: this.#ctx.zoneData }),
					updatedAt: now,
				},
				...(spec === null ? {} : { spec: spec.record }),
				timerAt: after.state === 'active' ? after.dueAt : null,
				...(timed === null ? {} : { calendars: timed.calendars }),
				ledger: timed?.ledger ?? [],
				forget,
				type: 'schedule.updated',
				data: { changed, ...(droppedOverrides === 0 ? {} : { droppedOverrides }) },
				more: (timed?.ledger ?? []).map((row) =>
					occurrenceEvent(this.#schedule, { ...row, at: row.nominalAt, now }),
				),
			},
			told: {
				changed,
				droppedOverrides,
				warnings,
				secrets: spec?.secrets ?? {},
			},
		};
	}
}
