import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';

import type { Timing } from '../../engine/contract/timing.ts';
import { nextAfter } from '../../engine/core/schedule/timing.ts';

/** What another library says: its next instants after `from`, or that it refuses the pattern. */
export type PeerAnswer = number[] | 'refused';

export interface PeerQuestion {
	pattern: string;
	zone: string;
	/** Exclusive, on a whole second. */
	from: number;
	count: number;
}

export const PEERS = ['croner', 'cron-parser'] as const;
export type Peer = (typeof PEERS)[number];

/** Each question to a library gets a fresh object of it, as a scheduler that has just started would. */
export function askPeer(peer: Peer, question: PeerQuestion): PeerAnswer {
	try {
		return peer === 'croner' ? askCroner(question) : askCronParser(question);
	} catch {
		return 'refused';
	}
}

function askCroner({ pattern, zone, from, count }: PeerQuestion): number[] {
	const job = new Cron(pattern, { timezone: zone, paused: true });
	return job.nextRuns(count, new Date(from)).map((date) => date.getTime());
}

function askCronParser({ pattern, zone, from, count }: PeerQuestion): number[] {
	const walk = CronExpressionParser.parse(pattern, { tz: zone, currentDate: new Date(from) });
	return walk.take(count).map((date) => date.getTime());
}

/** What the engine says to the same question. */
export function ourAnswer({ pattern, zone, from, count }: PeerQuestion): number[] {
	const timing: Timing = { kind: 'cron', cron: pattern, timeZone: zone };
	const list: number[] = [];
	let at = nextAfter(timing, from);
	while (at !== undefined && list.length < count) {
		list.push(at);
		at = nextAfter(timing, at);
	}
	return list;
}

export const iso = (list: readonly number[]): string[] =>
	list.map((at) => new Date(at).toISOString());
