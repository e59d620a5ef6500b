import { describe, expect, it } from '@jest/globals';

import type { Doc } from '../../../engine/stores/mongo/documents.ts';
import type { WatchSource } from '../../../engine/stores/mongo/watch-source.ts';
import { createWatch } from '../../../engine/stores/mongo/watch.ts';
import type { Signal } from '../../../engine/stores/shared/signal.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const NO_STREAMS = new Error('there are none');

function batch(n: number, ...types: string[]): Doc {
	const items = JSON.stringify(types.map((type) => ({ type, subject: { runId: `run_${n}` } })));
	return { _id: `default|${n}`, tenant: 'default', items };
}

/** A log that a test appends to, and a stream that it opens and breaks. */
function bench() {
	const clock = createFakeClock();
	const log: Doc[] = [];
	const faults: string[] = [];
	const signals: Signal[] = [];
	let looks = 0;
	let failing = false;
	const streams: Parameters<WatchSource['follow']>[0][] = [];
	const closed: number[] = [];
	const watch = createWatch({
		clock,
		onFault: ({ id }) => faults.push(id),
		heard: (signal) => signals.push(signal),
		source: {
			follow(on) {
				const n = streams.push(on) - 1;
				return {
					close: async () => {
						closed.push(n);
					},
				};
			},
			async since() {
				looks++;
				if (failing) throw new Error('the server is away');
				return [...log];
			},
			hasNone: (error) => error === NO_STREAMS,
		},
	});
	return {
		clock,
		log,
		faults,
		signals,
		streams,
		closed,
		watch,
		looks: () => looks,
		fail: (on: boolean) => (failing = on),
		/** Moves on in small steps, and lets what is due be carried out. */
		async pass(milliseconds: number) {
			for (let passed = 0; passed < milliseconds; passed += 50) {
				clock.advance(50);
				await new Promise((resolve) => setImmediate(resolve));
			}
		},
	};
}

describe('the watch of the MongoDB store', () => {
	it('looks four times a second until its stream is open, and then no more', async () => {
		const { watch, streams, looks, pass } = bench();
		watch.start();
		await pass(1_000);
		expect(looks()).toBe(4);
		streams[0]?.opened();
		await pass(1_000);
		// once more, for what came between the last look and the stream
		expect(looks()).toBe(5);
		await watch.stop();
	});

	it('tells once of a stream that is lost, looks meanwhile, and tries again after 1, 2, 4 … 60 s', async () => {
		const { watch, streams, faults, looks, pass, log, signals, clock } = bench();
		watch.start();
		streams[0]?.opened();
		await pass(100);
		const waits: number[] = [];
		for (let n = 0; n < 9; n++) {
			const at = clock.now();
			streams.at(-1)?.lost(new Error('the oplog has rolled over'));
			const before = streams.length;
			while (streams.length === before) await pass(50);
			waits.push((clock.now() - at) / 1000);
		}
		expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
		expect(faults).toEqual(['change stream']);
		expect(looks()).toBeGreaterThan(200);
		log.push(batch(1));
		await pass(300);
		expect(signals).toHaveLength(1);
		// found by looking and told by the stream: heard of once
		streams.at(-1)?.opened();
		streams.at(-1)?.heard(batch(1));
		await pass(300);
		expect(signals).toHaveLength(1);
		streams.at(-1)?.heard(batch(2));
		expect(signals).toHaveLength(2);
		// one that was open is news again when it is lost
		streams.at(-1)?.lost(new Error('again'));
		expect(faults).toEqual(['change stream', 'change stream']);
		await watch.stop();
	});

	it('says nothing of a server that has no streams, and goes on looking', async () => {
		const { watch, streams, faults, looks, pass } = bench();
		watch.start();
		streams[0]?.lost(NO_STREAMS);
		await pass(1_000);
		expect(faults).toEqual([]);
		expect(looks()).toBe(4);
		await watch.stop();
	});

	it('tells once that it cannot look, and again only after it could', async () => {
		const { watch, faults, fail, pass } = bench();
		watch.start();
		fail(true);
		await pass(1_000);
		expect(faults).toEqual(['events']);
		fail(false);
		await pass(300);
		fail(true);
		await pass(300);
		expect(faults).toEqual(['events', 'events']);
		await watch.stop();
	});

	it('says what others may have made work of, and who waits for what ended', async () => {
		const { watch, streams, signals, pass } = bench();
		watch.start();
		streams[0]?.opened();
		streams[0]?.heard(batch(1, 'run.running', 'delivery.delivered'));
		streams[0]?.heard(batch(2, 'run.running', 'run.queued'));
		streams[0]?.heard(batch(3, 'run.cancelled'));
		const tenants = new Set(['default']);
		expect(signals.splice(0)).toEqual([
			{ work: false, tenants, ended: [], cancelled: [] },
			{ work: true, tenants, ended: [], cancelled: [] },
			{ work: true, tenants, ended: ['run_3'], cancelled: ['run_3'] },
		]);
		// its events come before what follows from a write, so who looked at once looks twice more
		await pass(1_000);
		const again = { work: true, tenants: new Set(), ended: [], cancelled: [] };
		expect(signals).toEqual([again, again]);
		await watch.stop();
	});

	it('ends its stream, and neither looks nor tries again once it is stopped', async () => {
		const { watch, streams, closed, faults, looks, pass } = bench();
		watch.start();
		await watch.stop();
		expect(closed).toEqual([0]);
		streams[0]?.lost(new Error('closed'));
		await pass(5_000);
		expect([streams.length, looks(), faults]).toEqual([1, 0, []]);
	});
});
