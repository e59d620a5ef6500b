import { beforeEach, afterEach, describe, expect, it } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { Channel, Parcel, SendOutcome } from '../../engine/channels/channel.port.ts';
import { CapError } from '../../engine/contract/errors.ts';
import { largeParcel, parcelOf } from '../support/parcels.ts';

/** One channel with a place to send to, and a way to look there that is not the channel's own. */
export interface ChannelUnderTest {
	channel: Channel;
	/** As a user gives them. */
	settings: unknown;
	/** Whole files that lie at the other side for this delivery, hashed there. */
	arrived(parcel: Parcel): Promise<{ size: number; sha256: string }[]>;
	/** Everything that lies at the other side, half files and temporary names too. */
	traces(): Promise<string[]>;
	cleanup(): Promise<void>;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MB = 1_000_000;
/** What sockets and streams of both sides may hold at a time. */
const FLAT = 12 * MB;
const NAMES = [
	'Übersicht für März.csv',
	'報告 2027.csv',
	'a b  c.csv',
	`${'x'.repeat(251)}.csv`,
	'it\'s;q"%.csv',
];

/** What every channel promises; run on each with a real other side. */
export function exerciseChannel(name: string, make: () => Promise<ChannelUnderTest>): void {
	describe(`channel ${name}`, () => {
		let at: ChannelUnderTest;
		let settings: unknown;

		beforeEach(async () => {
			at = await make();
			settings = at.channel.settings.parse(at.settings);
		});
		afterEach(async () => {
			await at.channel.close?.();
			await at.cleanup();
		});

		async function send(
			parcel: Parcel,
			{ signal = new AbortController().signal, attempt = 1 } = {},
		): Promise<SendOutcome> {
			await at.channel.check(settings);
			const secrets = at.channel.generate?.(settings) ?? {};
			const whole: unknown = { ...(settings as object), ...secrets };
			const prepared = at.channel.prepare(whole, parcel);
			return at.channel.send(prepared, whole, parcel, {
				signal,
				attempt,
				// far more than a busy machine needs: what is shown here does not depend on speed
				timeout: at.channel.timeout + 100_000,
			});
		}

		async function expectDelivered(parcel: Parcel): Promise<void> {
			const outcome = await send(parcel);
			expect(outcome).toMatchObject({
				kind: 'delivered',
				receipt: { channel: at.channel.name, size: parcel.size, sha256: parcel.sha256 },
			});
			expect(await at.arrived(parcel)).toEqual([{ size: parcel.size, sha256: parcel.sha256 }]);
		}

		it('plans without secrets and twice the same', () => {
			const parcel = parcelOf('x');
			const secrets = at.channel.generate?.(settings) ?? {};
			const whole: unknown = { ...(settings as object), ...secrets };
			const plan = at.channel.prepare(whole, parcel);
			expect(plan).toEqual(at.channel.prepare(whole, parcel));
			for (const secret of Object.values(secrets)) {
				expect(JSON.stringify(plan)).not.toContain(secret);
			}
		});

		it.each([0, 1, 65_536, 262_145])('delivers %d bytes as they are', async (size) => {
			await expectDelivered(largeParcel(size));
		});

		it('delivers 50 MB with flat memory', async () => {
			let held = 0;
			collectGarbage();
			const before = process.memoryUsage().arrayBuffers;
			const parcel = largeParcel(50 * MB, {
				async onChunk(sent) {
					if (sent % (80 * 65_536) !== 0) return;
					// freed buffers are given back by another thread, some turns later
					let now = Number.POSITIVE_INFINITY;
					for (let turn = 0; turn < 200 && now > FLAT; turn++) {
						collectGarbage();
						await setImmediate();
						now = process.memoryUsage().arrayBuffers - before;
					}
					held = Math.max(held, now);
				},
			});
			await expectDelivered(parcel);
			expect(held).toBeLessThan(FLAT);
		}, 120_000);

		it.each(NAMES)('delivers under the name %j', async (filename) => {
			await expectDelivered(parcelOf('a,b\n1,2\n', { filename }));
		});

		it('leaves nothing behind when the source fails in the middle', async () => {
			const whole = largeParcel(2 * MB);
			let opened = 0;
			const parcel: Parcel = {
				...whole,
				async *open() {
					opened += 1;
					let sent = 0;
					for await (const chunk of whole.open()) {
						if ((sent += chunk.length) > MB) throw new CapError('NOT_FOUND', 'retention took it');
						yield chunk;
					}
				},
			};
			expect(await send(parcel)).toMatchObject({
				kind: 'failed',
				code: 'NOT_FOUND',
				retry: 'never',
			});
			expect(opened).toBeGreaterThan(0);
			expect(await at.arrived(parcel)).toEqual([]);
			expect(await at.traces()).toEqual([]);
		});

		it.each([
			['shorter', 'abc', 4],
			['longer', 'abcde', 4],
		])('never delivers bytes that are %s than promised', async (_case, text, size) => {
			const parcel = parcelOf(text, { size });
			expect(await send(parcel)).toMatchObject({
				kind: 'failed',
				code: 'INTERNAL',
				retry: 'later',
			});
			expect(await at.arrived(parcel)).toEqual([]);
			expect(await at.traces()).toEqual([]);
		});

		it('never delivers bytes that are not those promised', async () => {
			const parcel = parcelOf('abc', { sha256: parcelOf('abd').sha256 });
			expect(await send(parcel)).toMatchObject({ kind: 'failed', code: 'INTERNAL' });
			expect(await at.arrived(parcel)).toEqual([]);
		});

		it('ends when it is aborted, even while the source hangs', async () => {
			const controller = new AbortController();
			const parcel = largeParcel(2 * MB, {
				async *open() {
					yield Buffer.alloc(65_536);
					controller.abort(new CapError('FENCED', 'another engine has it'));
					await new Promise(() => undefined);
				},
			});
			const outcome = await send(parcel, { signal: controller.signal });
			expect(outcome).toMatchObject({ kind: 'failed', code: 'FENCED' });
			expect(await at.arrived(parcel)).toEqual([]);
			expect(await at.traces()).toEqual([]);
		});

		it('does not begin when it was aborted before', async () => {
			const parcel = parcelOf('abc');
			const outcome = await send(parcel, { signal: AbortSignal.abort() });
			expect(outcome).toMatchObject({ kind: 'failed', code: 'CANCELLED', retry: 'later' });
			expect(await at.traces()).toEqual([]);
		});

		it('can be told twice: a repeated delivery is harmless', async () => {
			const parcel = parcelOf('a,b\n1,2\n');
			expect((await send(parcel)).kind).toBe('delivered');
			expect(await send(parcel, { attempt: 2 })).toMatchObject({
				kind: 'delivered',
				receipt: { size: parcel.size, sha256: parcel.sha256 },
			});
			expect(await at.arrived(parcel)).toEqual([{ size: parcel.size, sha256: parcel.sha256 }]);
		});
	});
}
