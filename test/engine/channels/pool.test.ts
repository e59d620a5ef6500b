import { describe, expect, it } from '@jest/globals';

import { createPool } from '../../../engine/channels/shared/pool.ts';
import type { Pooled } from '../../../engine/channels/shared/pool.ts';
import { CapError } from '../../../engine/contract/errors.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const IDLE = 20_000;

/** A pool of connections that are counted. */
function bench() {
	const clock = createFakeClock();
	const pool = createPool<Pooled & { number: number }>(clock, { idle: IDLE });
	const open = new Set<number>();
	let made = 0;
	let most = 0;
	const connect = async () => {
		const number = (made += 1);
		open.add(number);
		most = Math.max(most, open.size);
		await Promise.resolve();
		return {
			number,
			alive: () => open.has(number),
			close: () => {
				open.delete(number);
			},
		};
	};
	const use = async <R>(
		work: (connection: { number: number }) => Promise<R>,
		{ key = 'a', limit = 1, signal = new AbortController().signal } = {},
	): Promise<R> => pool.use({ key, limit, signal, open: connect, work });
	return { clock, pool, use, open, made: () => made, most: () => most };
}

/** Work that is under way until it is told how it ended. */
function held() {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	const begun = Promise.withResolvers<number>();
	const work = async ({ number }: { number: number }): Promise<number> => {
		begun.resolve(number);
		return promise;
	};
	return { work, begun: begun.promise, resolve, reject };
}

const lasting = { alive: () => true, close: () => undefined };
const refused = (): CapError => new CapError('TARGET_REFUSED', 'no');
const numberOf = async ({ number }: { number: number }): Promise<number> => Promise.resolve(number);

describe('connections that outlive their delivery', () => {
	it('are waited for without the server being silent', async () => {
		const { use, pool, open } = bench();
		const first = held();
		const done = use(first.work);
		await first.begun;
		const seen: string[] = [];
		const waits = {
			rest: () => void seen.push('rest'),
			progress: () => void seen.push('progress'),
		};
		const about = { key: 'a', limit: 1, signal: new AbortController().signal, waits };
		const connect = async () => Promise.reject(new Error('the one that is there is used'));
		const second = pool.use({ ...about, open: connect, work: numberOf });
		expect(seen).toEqual(['rest']);
		first.resolve(1);
		await Promise.all([done, second]);
		expect([seen, open.size]).toEqual([['rest', 'progress'], 1]);
	});

	it('that turn out to be dead are replaced, unless too much has happened by then', async () => {
		const { pool, use, open, made } = bench();
		await use(numberOf);
		const about = { key: 'a', limit: 1, signal: new AbortController().signal };
		const connect = async () => Promise.reject(new Error('not another one'));
		const fresh: boolean[] = [];
		const work = async (_: unknown, given: { fresh: boolean }): Promise<number> => {
			fresh.push(given.fresh);
			return Promise.reject(new CapError('TARGET_UNREACHABLE', 'lost', { retry: 'later' }));
		};
		const done = pool.use({ ...about, open: connect, work, mayRepeat: () => false });
		await expect(done).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' });
		expect([fresh, made(), [...open]]).toEqual([[false], 1, []]);
	});

	it.each([
		['an answer', [false]],
		['lost', [false, true]],
	])('are replaced after what their use calls a loss, here: %s', async (said, expected) => {
		const { pool, use } = bench();
		await use(numberOf);
		const fresh: boolean[] = [];
		await pool
			.use({
				key: 'a',
				limit: 1,
				signal: new AbortController().signal,
				open: async () => Promise.resolve({ ...lasting, number: 2 }),
				work: async (_, about) => {
					fresh.push(about.fresh);
					return Promise.reject(new Error(said));
				},
				mayRepeat: (error) => (error as Error).message === 'lost',
			})
			.catch(() => undefined);
		expect(fresh).toEqual(expected);
	});

	it('are used again, and closed when they lay idle', async () => {
		const { clock, use, open, made } = bench();
		expect([await use(numberOf), await use(numberOf)]).toEqual([1, 1]);
		expect([...open]).toEqual([1]);
		clock.advance(IDLE - 1);
		expect([...open]).toEqual([1]);
		clock.advance(1);
		expect([...open]).toEqual([]);
		await use(numberOf);
		expect(made()).toBe(2);
	});

	it('are shared by those of the same key only', async () => {
		const { use } = bench();
		expect(await use(numberOf, { key: 'a' })).toBe(1);
		expect(await use(numberOf, { key: 'b' })).toBe(2);
	});

	it('are as many as the limit, and who waits gets the first that is free', async () => {
		const { use, most } = bench();
		const [one, two, three] = [held(), held(), held()];
		const all = [one, two, three].map(async ({ work }) => use(work, { limit: 2 }));
		await Promise.all([one.begun, two.begun]);
		two.resolve(0);
		expect(await three.begun).toBe(2);
		three.resolve(0);
		one.resolve(0);
		await Promise.all(all);
		expect(most()).toBe(2);
	});

	it('stay within the limit when one fails while others wait', async () => {
		const { pool, use, open, most } = bench();
		const [first, second, third] = [held(), held(), held()];
		const failed = use(first.work).catch((error: unknown) => error);
		await first.begun;
		const waiting = use(second.work);
		// comes as soon as the failure is known, when the second has been called but has not begun
		const late = failed.then(async () => use(third.work));
		first.reject(refused());
		expect(await failed).toMatchObject({ code: 'TARGET_REFUSED' });
		await second.begun;
		expect(open.size).toBe(1);
		second.resolve(2);
		await waiting;
		await third.begun;
		third.resolve(3);
		await late;
		expect(most()).toBe(1);
		pool.close();
		expect([...open]).toEqual([]);
	});

	it('are not waited for by what was aborted', async () => {
		const { use } = bench();
		const first = held();
		const running = use(first.work);
		await first.begun;
		const aborted = new CapError('CANCELLED', 'cancelled');
		const controller = new AbortController();
		const waiting = use(numberOf, { signal: controller.signal });
		controller.abort(aborted);
		await expect(waiting).rejects.toBe(aborted);
		await expect(use(numberOf, { signal: AbortSignal.abort(aborted) })).rejects.toBe(aborted);
		first.resolve(1);
		await running;
		expect(await use(numberOf)).toBe(1);
	});

	it('are made anew when an idle one was dead, and the answer of a living one stands', async () => {
		const { use, made } = bench();
		await use(numberOf);
		const lostOnce = async ({ number }: { number: number }): Promise<number> => {
			await Promise.resolve();
			if (number === 1) throw new CapError('TARGET_UNREACHABLE', 'lost', { retry: 'later' });
			return number;
		};
		expect(await use(lostOnce)).toBe(2);
		await expect(
			use(async () => {
				await Promise.resolve();
				throw refused();
			}),
		).rejects.toMatchObject({ code: 'TARGET_REFUSED' });
		expect(made()).toBe(2);
	});
});
