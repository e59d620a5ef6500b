import type { AlertKind } from '../../contract/alert.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Message } from '../../contract/message.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';

/*
 * Alerts of one subject (a place, a schedule) to one destination are one group: the first is told after a moment
 * in which its like may join it, what comes after is told together, once in WINDOW. So an outage of one server is
 * one message, and then a count every quarter of an hour, however many deliveries it hits.
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
	const mark = `${alert.kind}:${alert.id}`;
	if (group.seen.includes(mark)) return group;
	if (alert.kind === 'recovered' && group.toldAt === null && isEmpty(group)) return group;
	const samples = group.samples.length < SAMPLES ? [...group.samples, alert] : group.samples;
	return {
		...group,
		counts: { ...group.counts, [alert.kind]: (group.counts[alert.kind] ?? 0) + 1 },
		samples,
		seen: [...group.seen, mark].slice(-SEEN),
	};
}

/** What was counted goes out; what comes from now on is counted anew. */
export function taken(
	group: AlertGroup,
	{ id, at, tenant }: { id: string; at: Instant; tenant: string },
): AlertGroup {
	const { subject, counts, samples } = group;
	const body: JsonObject = {
		type: 'alert',
		timestamp: toIso(at),
		data: {
			id,
			tenant,
			subject,
			counts,
			samples: samples.map(({ at: when, ...sample }) => ({ ...sample, at: toIso(when) })),
		},
	};
	return {
		...group,
		counts: {},
		samples: [],
		sending: { id, body: JSON.stringify(body), attempt: 1 },
	};
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
