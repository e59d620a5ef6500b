import { setTimeout as pause } from 'node:timers/promises';

import { expect } from '@jest/globals';

import type { Operation, Seen } from './history.ts';
import { tellViolations, violationsOf } from './history.ts';
import { randomFrom } from './random.ts';
import type { Receiver } from './webhook-receiver.ts';
import { startReceiver } from './webhook-receiver.ts';

/** What clients did, once they have stopped. */
export interface History {
	operations: Operation[];
	/** Runs that a trigger was answered with, by schedule; those of `deleted` ones may have been cancelled. */
	triggered: Map<string, string[]>;
	/** Runs that are listed at the end, by schedule. */
	listed: Map<string, string[]>;
	/** Triggers of a schedule that were answered 404 after a try without an answer: those may have made a run. */
	doubtful: Set<string>;
	/** Runs that were answered, and then not there for another engine. */
	missing: string[];
}

export interface Clients {
	/** How many operations were answered so far. */
	readonly answered: number;
	/**
	 * Ends what they do, reads every schedule at every engine, and deletes them all, so that nothing of it is left
	 * to be done. All engines have to be up.
	 */
	stop(): Promise<History>;
}

/** Nobody waits longer for an answer: milliseconds. What was sent may be done much later. */
const PATIENCE = 4_000;
/** Between two operations of a client, at most: milliseconds. Engines shall have time for faults. */
const PACE = 40;
/** So many schedules at a time: few, so that clients meet. */
const ALIVE = 5;
const LABEL = 'history';
/** What every client does so often that it is answered at least once. */
const KINDS = ['create', 'update', 'pause', 'resume', 'read'] as const;
const AT_THE_END = 'at the end';

interface Reply {
	status: number;
	body: unknown;
	from: number;
	to: number;
}

/**
 * Clients that create, change, pause, resume, trigger and delete schedules and read them, singly and in a list, each
 * time at any of the engines. Their capability is their own; nothing they make is ever due by itself.
 * @param options.urls where engines answer at the moment
 */
export async function startClients(options: {
	urls: () => string[];
	key: string;
	seed: number;
	clients: number;
}): Promise<Clients> {
	const target = await startReceiver();
	const recorder = new Recorder(options, target);
	await recorder.register();
	let stopped = false;
	const working = Array.from({ length: options.clients }, async (_, client) => {
		const random = randomFrom(options.seed * 31 + client);
		while (!stopped) {
			await recorder.act(random, `client ${client}`);
			await pause(random() * PACE);
		}
	});
	return {
		get answered() {
			return recorder.answered;
		},
		async stop() {
			stopped = true;
			await Promise.all(working);
			return recorder.finish().finally(() => target.close());
		},
	};
}

class Recorder {
	answered = 0;
	readonly #options: { urls: () => string[]; key: string; seed: number };
	readonly #target: Receiver;
	readonly #history: History = {
		operations: [],
		triggered: new Map(),
		listed: new Map(),
		doubtful: new Set(),
		missing: [],
	};
	/** Schedules that a client was answered with, the newest last. */
	readonly #known: string[] = [];
	readonly #last = new Map<string, number>();
	#marks = 0;
	#keys = 0;

	constructor(options: { urls: () => string[]; key: string; seed: number }, target: Receiver) {
		this.#options = options;
		this.#target = target;
		target.answer = (_request, response) => response.end('{}');
	}

	async register(): Promise<void> {
		const binding = { type: 'http', url: this.#target.url };
		const body = { binding, actions: { go: {} } };
		await this.#until('PUT', '/v1/capabilities/history', body, {});
	}

	async act(random: () => number, by: string): Promise<void> {
		const alive = this.#known.slice(-ALIVE);
		const id = alive[Math.floor(random() * alive.length)];
		const any = Math.floor(random() * 1e6);
		const dice = random();
		if (id === undefined || this.#known.length < ALIVE || dice < 0.02) {
			await this.#create(any, by);
		} else if (dice < 0.3) await this.#read(id, any, by);
		else if (dice < 0.4) await this.#list(any, by);
		else if (dice < 0.5) await this.#update(id, { any, by, demands: random() < 0.5 });
		else if (dice < 0.65) await this.#race(id, { any, by });
		else if (dice < 0.78) await this.#switch(id, 'pause', { any, by });
		else if (dice < 0.91) await this.#switch(id, 'resume', { any, by });
		else if (dice < 0.96) await this.#trigger(id, any);
		else if (dice < 0.98) await this.#delete(id, any, by);
	}

	async finish(): Promise<History> {
		const { urls } = this.#options;
		for (const id of this.#known) {
			for (const [at] of urls().entries()) await this.#readSurely(id, at);
			await this.#deleteSurely(id);
			await this.#readSurely(id, 0);
			this.#history.listed.set(id, await this.#runsOf(id));
		}
		return this.#history;
	}

	async #create(any: number, by: string): Promise<void> {
		const mark = ++this.#marks;
		const body = {
			action: 'go',
			time: '2090-01-01T00:00:00Z',
			policies: { overlap: 'allow_all' },
			labels: { [LABEL]: String(this.#options.seed) },
			metadata: { mark },
		};
		const reply = await this.#until('POST', '/history/schedule', body, { at: any });
		const { scheduleId: schedule, status } = reply.body as { scheduleId: string; status: string };
		const { from, to } = reply;
		const answer: Seen = { revision: 1, status, mark };
		this.#add({ kind: 'create', schedule, from, to, mark, answer, by });
		this.#known.push(schedule);
	}

	async #read(schedule: string, at: number, by: string): Promise<void> {
		const from = performance.now();
		const reply = await this.#ask('GET', `/v1/schedules/${schedule}`, undefined, { at });
		const answer = answerOf(reply);
		if (reply === null || answer === null) return;
		this.#add({ kind: 'read', schedule, from, to: reply.to, answer, by });
	}

	/** One page holds them all; whoever is missing was not there. */
	async #list(at: number, by: string): Promise<void> {
		const known = [...this.#known];
		const label = encodeURIComponent(`${LABEL}:${this.#options.seed}`);
		const path = `/v1/schedules?limit=200&label=${label}`;
		const reply = await this.#ask('GET', path, undefined, { at });
		if (reply?.status !== 200) return;
		const { from, to } = reply;
		const { items, nextCursor } = reply.body as {
			items: ({ id: string } & ScheduleView)[];
			nextCursor: string | null;
		};
		for (const item of items) {
			this.#add({
				kind: 'read',
				schedule: item.id,
				from,
				to,
				answer: seen(item),
				by: `${by}, list`,
			});
		}
		if (nextCursor !== null) return;
		const there = new Set(items.map(({ id }) => id));
		for (const schedule of known.filter((id) => !there.has(id))) {
			this.#add({ kind: 'read', schedule, from, to, answer: 'gone', by: `${by}, list` });
		}
	}

	async #update(
		schedule: string,
		{ any, by, demands }: { any: number; by: string; demands: boolean },
	): Promise<void> {
		const mark = ++this.#marks;
		const expected = demands ? this.#last.get(schedule) : undefined;
		const headers = expected === undefined ? {} : { 'if-match': `"${expected}"` };
		const body = { metadata: { mark } };
		const from = performance.now();
		const reply = await this.#ask('PATCH', `/v1/schedules/${schedule}`, body, { at: any, headers });
		const more = { mark, ...(expected === undefined ? {} : { expected }) };
		this.#wrote({ kind: 'update', schedule, from, by, ...more }, reply);
	}

	/** Writes that demand one and the same revision, at the same moment at several engines, and reads. */
	async #race(schedule: string, { any, by }: { any: number; by: string }): Promise<void> {
		await Promise.all([
			...[0, 1, 2].map(async (n) => this.#update(schedule, { any: any + n, by, demands: true })),
			...[0, 1].map(async (n) => this.#read(schedule, any + n, by)),
		]);
	}

	async #switch(
		schedule: string,
		kind: 'pause' | 'resume',
		{ any, by }: { any: number; by: string },
	): Promise<void> {
		const from = performance.now();
		const path = `/v1/schedules/${schedule}/${kind}`;
		const reply = await this.#ask('POST', path, {}, { at: any });
		this.#wrote({ kind, schedule, from, by }, reply);
	}

	async #delete(schedule: string, any: number, by: string): Promise<void> {
		const from = performance.now();
		const reply = await this.#ask('DELETE', `/v1/schedules/${schedule}`, undefined, { at: any });
		this.#wrote({ kind: 'delete', schedule, from, by }, reply);
	}

	/** Asked under one key until it is answered: it makes one run. */
	async #trigger(schedule: string, any: number): Promise<void> {
		const path = `/v1/schedules/${schedule}/trigger`;
		const reply = await this.#until('POST', path, {}, { at: any });
		if (reply.status === 404) {
			if (reply.tries > 1) this.#history.doubtful.add(schedule);
			return;
		}
		const { id } = reply.body as { id: string };
		const before = this.#history.triggered.get(schedule) ?? [];
		this.#history.triggered.set(schedule, [...before, id]);
		const found = await this.#ask('GET', `/v1/runs/${id}`, undefined, { at: any + 1 });
		if (found?.status === 404) this.#history.missing.push(id);
	}

	#wrote(operation: Omit<Operation, 'to' | 'answer'>, reply: Reply | null): void {
		// It is changing at this moment, and was not changed by this.
		if (reply?.status === 409) return;
		const answer = answerOf(reply);
		this.#add({ ...operation, to: answer === null ? Infinity : (reply?.to ?? Infinity), answer });
	}

	#add(operation: Operation): void {
		this.#history.operations.push(operation);
		if (operation.answer !== null) this.answered++;
		if (typeof operation.answer === 'object' && operation.answer !== null) {
			this.#last.set(operation.schedule, operation.answer.revision);
		}
	}

	async #readSurely(schedule: string, at: number): Promise<void> {
		const before = this.#history.operations.length;
		do await this.#read(schedule, at, AT_THE_END);
		while (this.#history.operations.length === before);
	}

	async #deleteSurely(schedule: string): Promise<void> {
		for (;;) {
			await this.#delete(schedule, 0, AT_THE_END);
			const { answer } = this.#history.operations.at(-1) ?? {};
			if (answer === 'gone' || answer === 'deleted') return;
		}
	}

	async #runsOf(schedule: string): Promise<string[]> {
		const path = `/v1/runs?limit=200&scheduleId=${schedule}`;
		const { body } = await this.#until('GET', path, undefined, {});
		return (body as { items: { id: string }[] }).items.map(({ id }) => id);
	}

	/** The same again, at one engine after another, until it is answered: a POST under one key. */
	async #until(
		method: string,
		path: string,
		body: unknown,
		{ at = 0 }: { at?: number },
	): Promise<Reply & { tries: number }> {
		const from = performance.now();
		const key = `history-${this.#options.seed}-${++this.#keys}`;
		const headers = method === 'POST' ? { 'idempotency-key': key } : {};
		for (let tries = 1; ; tries++) {
			const reply = await this.#ask(method, path, body, { at: at + tries, headers });
			if (reply !== null && reply.status < 500 && reply.status !== 409) {
				return { ...reply, from, tries };
			}
			await pause(50);
		}
	}

	/** @returns null when nobody answered, or nobody can say whether it was done */
	async #ask(
		method: string,
		path: string,
		body: unknown,
		{ at, headers = {} }: { at: number; headers?: Record<string, string> },
	): Promise<Reply | null> {
		const urls = this.#options.urls();
		const from = performance.now();
		try {
			const response = await fetch((urls[at % urls.length] ?? '') + path, {
				method,
				headers: {
					authorization: `Bearer ${this.#options.key}`,
					...(body === undefined ? {} : { 'content-type': 'application/json' }),
					...headers,
				},
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
				signal: AbortSignal.timeout(PATIENCE),
			});
			const text = await response.text();
			const to = performance.now();
			if (response.status === 400 || response.status === 422 || response.status === 429) {
				throw new TypeError(`${method} ${path}: ${response.status} ${text}`);
			}
			if (response.status >= 500) return null;
			return { status: response.status, body: text === '' ? null : JSON.parse(text), from, to };
		} catch (error) {
			// A request that was refused is the test's own mistake.
			if (error instanceof TypeError && error.message.startsWith(method)) throw error;
			return null;
		}
	}
}

interface ScheduleView {
	revision: number;
	status: string;
	metadata: { mark: number };
}

const seen = ({ revision, status, metadata }: ScheduleView): Seen => ({
	revision,
	status,
	mark: metadata.mark,
});

function answerOf(reply: Reply | null): Operation['answer'] {
	switch (reply?.status) {
		case 200:
			return seen(reply.body as ScheduleView);
		case 204:
			return 'deleted';
		case 404:
			return 'gone';
		case 412:
			return 'differs';
		default:
			return null;
	}
}

/** What is wrong with the runs that triggers made; empty when each made its one. */
function wrongRuns({ triggered, listed, doubtful, missing }: History): string[] {
	const wrong = missing.map((id) => `${id} was answered, and another engine did not find it`);
	for (const [schedule, ids] of listed) {
		const answered = triggered.get(schedule) ?? [];
		for (const id of answered.filter((one) => !ids.includes(one))) {
			wrong.push(`${id} of ${schedule} was answered and is not listed`);
		}
		const more = ids.filter((id) => !answered.includes(id));
		if (more.length > 0 && !doubtful.has(schedule)) {
			wrong.push(`${schedule} has runs that nobody was answered with: ${more.join(', ')}`);
		}
		if (new Set(answered).size !== answered.length)
			wrong.push(`${schedule}: two triggers, one run`);
	}
	return wrong;
}

/** Shows that what the clients wrote and read is what each schedule, by itself, could have done. */
export function expectOneHistory(history: History): void {
	// Clients that nobody answers would agree with anything.
	const working = history.operations.filter(
		({ answer, by }) => answer !== null && by !== AT_THE_END,
	);
	const done = new Set(working.map(({ kind }) => kind));
	expect(KINDS.filter((kind) => !done.has(kind))).toEqual([]);
	expect(tellViolations(violationsOf(history.operations))).toBe('');
	expect(wrongRuns(history)).toEqual([]);
}
