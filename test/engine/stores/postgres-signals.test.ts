import { describe, expect, it } from '@jest/globals';

import type { Session } from '../../../engine/stores/postgres/database.ts';
import { createSignals } from '../../../engine/stores/postgres/signals.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

describe('the connection that listens for other engines', () => {
	it('is closed when it cannot listen, before another is opened', async () => {
		const clock = createFakeClock();
		const open = new Set<Session>();
		const opened: number[] = [];
		let whenOpened: () => void = () => undefined;
		const connect = async (): Promise<Session> => {
			const session: Session = {
				rows: () => Promise.reject(new Error('not asked')),
				get: () => Promise.reject(new Error('not asked')),
				run: () => Promise.reject(new Error('not asked')),
				exec: () => Promise.reject(new Error('a pooler that knows no LISTEN')),
				command: () => Promise.reject(new Error('not asked')),
				alive: true,
				onNotification: () => undefined,
				onLost: () => undefined,
				close: async () => {
					open.delete(session);
				},
			};
			open.add(session);
			opened.push(open.size);
			whenOpened();
			return session;
		};
		const signals = createSignals({
			db: { connect, get: () => Promise.resolve(undefined) },
			clock,
			channel: 'engines',
			by: 'engine 1',
			heard: () => undefined,
		});

		signals.open();
		while (opened.length < 3) {
			const next = new Promise<void>((resolve) => {
				whenOpened = resolve;
			});
			// The retry is set when the failure was heard of.
			await new Promise((resolve) => setImmediate(resolve));
			clock.advance(1_000);
			await next;
		}
		await signals.close();

		expect(opened).toEqual([1, 1, 1]);
		expect(open.size).toBe(0);
	});
});
