import type { AlertKind } from '../../contract/alert.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Message } from '../../contract/message.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';

/*
 * Alerts of one subject (a place, a schedule) to one destination are one group: the first is told after a moment
 * in which its like may join it, what comes after is told together, once in WINDOW. So an outage of one server is
 * one message, and then a count every quarter of an hour, however many deliveries it hits.
 *
 * A death is kept in its group before it is written, so that a crash loses no alert. It is told once it is known to
 * have been written: whoever tells it asks first; see `judged`.
 */

/** `recovered` is only told to who was told of the trouble. */
export type AlertSort = AlertKind | 'recovered';

export interface Alert {
	kind: AlertSort;
	/** What it happened to; the same twice counts once. */
	id: string;
	at: Instant;
	/** For people, one line. */
	words: string;
	scheduleId: string | null;
	runId: string | null;
	/** Of what is kept before it is written: the attempt that the write ends. */
	claim?: Pick<Claim, 'epoch' | 'endedAt'>;
}

/** What a group has of a delivery's end that was not written yet when the alert was kept. */
export interface Claim extends Pick<Alert, 'kind' | 'id'> {
	epoch: number;
	/** When the attempt ended that the write is to end. */
	endedAt: Instant;
}

export interface AlertGroup {
	/** What it is about, for people: a destination's name, a schedule's. */
	subject: string;
	/** Not told yet, by kind. */
	counts: Partial<Record<AlertSort, number>>;
	/** Some of them. */
	samples: Alert[];
	/** The last that were counted, told or not. */
	seen: string[];
	/** Not told yet, and perhaps never written; those before the last 100 are taken to be. */
	claims?: Claim[];
	toldAt: Instant | null;
	/** On its way: the same id and the same bytes in every attempt. */
	sending: { id: string; body: string; attempt: number } | null;
}

const GATHER: Duration = 5_000;
const WINDOW: Duration = 900_000;
const SAMPLES = 5;
const SEEN = 100;

export const newGroup = (subject: string): AlertGroup => ({
	subject,
	counts: {},
	samples: [],
	seen: [],
	toldAt: null,
	sending: null,
});

const isEmpty = ({ counts }: AlertGroup): boolean => Object.keys(counts).length === 0;

/** When the group has something to tell; null: nothing. */
export function tellAt(group: AlertGroup, at: Instant): Instant | null {
	if (isEmpty(group)) return null;
	const recovered = group.counts.recovered !== undefined;
	if (group.toldAt === null || recovered) return at + GATHER;
	return Math.max(at + GATHER, group.toldAt + WINDOW);
}

/** The same group when it was counted before, or when nobody was told of what is over. */
export function raised(group: AlertGroup, alert: Alert): AlertGroup {
	const mark = markOf(alert);
	if (group.seen.includes(mark)) return claimedAgain(group, alert);
	if (alert.kind === 'recovered' && group.toldAt === null && isEmpty(group)) return group;
	const samples = group.samples.length < SAMPLES ? [...group.samples, alert] : group.samples;
	return {
		...group,
		counts: { ...group.counts, [alert.kind]: (group.counts[alert.kind] ?? 0) + 1 },
		samples,
		seen: [...group.seen, mark].slice(-SEEN),
		...claimsAnd(group, alert),
	};
}

/** Not counted twice; but where its end was not known to be written, this one may be the one that is. */
function claimedAgain(group: AlertGroup, alert: Alert): AlertGroup {
	const { claim } = alert;
	const same = (group.claims ?? []).filter((one) => markOf(one) === markOf(alert));
	const known = same.some(
		({ epoch, endedAt }) => epoch === claim?.epoch && endedAt === claim.endedAt,
	);
	return same.length === 0 || known ? group : { ...group, ...claimsAnd(group, alert) };
}

const markOf = ({ kind, id }: Pick<Alert, 'kind' | 'id'>): string => `${kind}:${id}`;

function claimsAnd(group: AlertGroup, { kind, id, claim }: Alert): Pick<AlertGroup, 'claims'> {
	if (claim === undefined) return {};
	return { claims: [...(group.claims ?? []), { kind, id, ...claim }].slice(-SEEN) };
}

/** What is known of an end that was to be written. */
export type Verdict = 'written' | 'open' | 'other';

/**
 * What the verdicts on a group's claims say: the group without what never came to be (should it still, it is counted
 * then), and what is open.
 */
export function judged(
	group: AlertGroup,
	verdicts: readonly Verdict[],
): { group: AlertGroup; open: Claim[] } {
	const { claims = [] } = group;
	const marksOf = (verdict: Verdict): Set<string> =>
		new Set(claims.filter((_, index) => verdicts[index] === verdict).map(markOf));
	// one of several that were to end the same delivery is enough
	const written = marksOf('written');
	const undecided = marksOf('open');
	const isOpen = (mark: string): boolean => undecided.has(mark) && !written.has(mark);
	const open = claims.filter((claim) => isOpen(markOf(claim)));
	const untrue = claims.filter((claim) => {
		const mark = markOf(claim);
		return !written.has(mark) && !isOpen(mark);
	});
	return { group: withdrawn(group, untrue), open };
}

function withdrawn(group: AlertGroup, untrue: readonly Claim[]): AlertGroup {
	if (untrue.length === 0) return group;
	const marks = new Set(untrue.map(markOf));
	return { ...without(group, untrue), seen: group.seen.filter((mark) => !marks.has(mark)) };
}

function without(group: AlertGroup, claims: readonly Claim[]): AlertGroup {
	const marks = new Set(claims.map(markOf));
	const stays = (one: Pick<Alert, 'kind' | 'id'>): boolean => !marks.has(markOf(one));
	return {
		...group,
		counts: lessened(group.counts, claims),
		samples: group.samples.filter(stays),
		claims: (group.claims ?? []).filter(stays),
	};
}

function lessened(counts: AlertGroup['counts'], by: readonly Claim[]): AlertGroup['counts'] {
	const left = { ...counts };
	for (const [kind, count] of Object.entries(countsOf(by)) as [AlertSort, number][]) {
		left[kind] = (left[kind] ?? 0) - count;
	}
	return Object.fromEntries(Object.entries(left).filter(([, count]) => count > 0));
}

/**
 * What was counted goes out; what comes from now on is counted anew.
 * @param open what is not known to be true yet: it waits for the next message
 * @returns the same group when there is nothing to tell
 */
export function taken(
	group: AlertGroup,
	{ id, at, tenant, open = [] }: { id: string; at: Instant; tenant: string; open?: Claim[] },
): AlertGroup {
	const { subject, counts, samples } = without(group, open);
	if (Object.keys(counts).length === 0) return group;
	const waits = new Set(open.map(markOf));
	const body: JsonObject = {
		type: 'alert',
		timestamp: toIso(at),
		data: {
			id,
			tenant,
			subject,
			counts,
			samples: samples.map(({ kind, id: what, words, scheduleId, runId, at: when }) => {
				return { kind, id: what, words, scheduleId, runId, at: toIso(when) };
			}),
		},
	};
	return {
		...group,
		counts: countsOf(open),
		samples: group.samples.filter((sample) => waits.has(markOf(sample))),
		claims: open,
		sending: { id, body: JSON.stringify(body), attempt: 1 },
	};
}

function countsOf(claims: readonly Claim[]): AlertGroup['counts'] {
	const counts: AlertGroup['counts'] = {};
	const marks = new Map(claims.map((claim) => [markOf(claim), claim.kind]));
	for (const kind of marks.values()) counts[kind] = (counts[kind] ?? 0) + 1;
	return counts;
}

const WORDS: Readonly<Record<AlertSort, [one: string, many: string]>> = {
	circuit_open: ['it is not tried for a while', 'it is not tried for a while'],
	delivery_dead: ['a delivery was given up', 'deliveries were given up'],
	fallback_used: ['a fallback took over', 'fallbacks took over'],
	link_unused: ['a result link ends unused', 'result links end unused'],
	sla_at_risk: ['a run may be late', 'runs may be late'],
	recovered: ['it works again', 'it works again'],
};

/** Read from the body alone, so that every attempt says the same. */
export function alertMessage(body: string): Message {
	const { data } = JSON.parse(body) as {
		data: {
			subject: string;
			counts: AlertGroup['counts'];
			samples: { at: string; words: string }[];
		};
	};
	const kinds = (Object.keys(WORDS) as AlertSort[]).filter(
		(kind) => data.counts[kind] !== undefined,
	);
	const over = kinds.includes('recovered');
	const told = kinds.map((kind) => {
		const count = data.counts[kind] ?? 0;
		const [one, many] = WORDS[kind];
		return count === 1 || one === many ? one : `${count} ${many}`;
	});
	return {
		title: line(`${data.subject}: ${told.join(', ')}`),
		tone: over ? 'good' : 'bad',
		facts: data.samples.map(({ at, words }) => [line(at), line(words)] as const),
		link: null,
	};
}

function line(text: string): string {
	const plain = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
	return plain.length > 300 ? `${plain.slice(0, 299)}…` : plain;
}
