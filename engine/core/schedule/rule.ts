import { assertNever } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';
import type { DstPolicy, Rule } from '../../contract/timing.ts';
import { parseCron } from './cron-pattern.ts';
import { nextCron } from './cron-walk.ts';
import { nextEvery } from './every.ts';
import { nextOfSeries } from './local-instants.ts';
import { monthsSeries } from './months.ts';
import { nextRrule, parseRrule } from './rrule.ts';

/** Where a rule is read: whose wall clock, and what its changes do. */
export interface Where {
	timeZone: string;
	dst: DstPolicy | undefined;
}

export interface Range {
	/** Exclusive. */
	after: Instant;
	/** Inclusive; what is later need not be found. */
	until: Instant;
}

/** The first instant of a rule within the range; what lies beyond its end may be given or not. */
export function nextOfRule(rule: Rule, where: Where, range: Range): Instant | undefined {
	switch (rule.kind) {
		case 'cron':
			return nextCron(parseCron(rule.cron, rule), where.timeZone, { ...range, dst: where.dst });
		case 'every':
			return nextEvery(rule.every, rule.anchor, range.after);
		case 'at':
			return rule.at > range.after ? rule.at : undefined;
		case 'dates':
			return rule.dates.find((at) => at > range.after);
		case 'any':
			return nextOfUnion(rule.rules, where, range);
		case 'months':
			return nextOfSeries(monthsSeries(rule), where.timeZone, where.dst, range);
		case 'rrule':
			return nextRrule(parseRrule(rule.rrule), where.timeZone, where.dst, range);
		default:
			return assertNever(rule);
	}
}

function nextOfUnion(rules: readonly Rule[], where: Where, range: Range): Instant | undefined {
	let first: Instant | undefined;
	for (const rule of rules) {
		const next = nextOfRule(rule, where, range);
		if (next === undefined || next <= range.after) continue;
		if (first === undefined || next < first) first = next;
	}
	return first;
}
