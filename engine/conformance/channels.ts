import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';

import type { Channel, Parcel, SendOutcome } from '../channels/channel.port.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { claimHas, claimSame } from './claims.ts';
import { collectGarbage } from './memory.ts';
import { largeParcel, parcelOf } from './parcels.ts';
import type { Runner } from './runner.ts';

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

/** What every channel promises, with a real other side that `make` starts anew for each of the promises. */
export function exerciseChannel(
	{ describe, it }: Runner,
	name: string,
	make: () => Promise<ChannelUnderTest>,
): void {
	describe(`channel ${name} keeps the promises of every channel`, () => {
		const promises = (title: string, body: (bench: ChannelBench) => Promise<void>): void => {
			it(title, async () => {
				const bench = new ChannelBench(await make());
				try {
					await body(bench);
				} finally {
					await bench.close();
				}
			});
		};
		promises('plans without secrets and twice the same', plansAlike);
		for (const size of [0, 1, 65_536, 262_145]) {
			promises(`delivers ${size} bytes as they are`, (bench) => bench.delivers(largeParcel(size)));
		}
		promises('delivers 50 MB with flat memory', deliversMuchWithFlatMemory);
		for (const filename of NAMES) {
			promises(`delivers under the name ${JSON.stringify(filename)}`, (bench) =>
				bench.delivers(parcelOf('a,b\n1,2\n', { filename })),
			);
		}
		promises('leaves nothing behind when the source fails in the middle', outlivesItsSource);
		for (const [title, text] of [
			['shorter', 'abc'],
			['longer', 'abcde'],
		] as const) {
			promises(`never delivers bytes that are ${title} than promised`, async (bench) => {
				const outcome = await bench.deliversNothing(parcelOf(text, { size: 4 }));
				claimHas(outcome, { code: 'INTERNAL', retry: 'later' });
				claimSame(await bench.at.traces(), []);
			});
		}
		promises('never delivers bytes that are not those promised', async (bench) => {
			const outcome = await bench.deliversNothing(
				parcelOf('abc', { sha256: parcelOf('abd').sha256 }),
			);
			claimHas(outcome, { code: 'INTERNAL' });
		});
		promises('ends when it is aborted, even while the source hangs', endsWhenAborted);
		promises('does not begin when it was aborted before', async (bench) => {
			const outcome = await bench.send(parcelOf('abc'), { signal: AbortSignal.abort() });
			claimHas(outcome, { kind: 'failed', code: 'CANCELLED', retry: 'later' });
			claimSame(await bench.at.traces(), []);
		});
		promises('can be told twice: a repeated delivery is harmless', canBeToldTwice);
	});
}

interface Sending {
	signal?: AbortSignal;
	attempt?: number;
}

class ChannelBench {
	readonly at: ChannelUnderTest;
	readonly settings: unknown;

	constructor(at: ChannelUnderTest) {
		this.at = at;
		this.settings = at.channel.settings.parse(at.settings);
	}

	/** Settings with the secrets that the channel makes for itself, and those. */
	whole(): { settings: unknown; secrets: Record<string, string> } {
		const secrets = this.at.channel.generate?.(this.settings) ?? {};
		return { settings: { ...(this.settings as object), ...secrets }, secrets };
	}

	plan(settings: unknown, parcel: Parcel): JsonObject {
		return this.at.channel.prepare(settings, parcel);
	}

	async send(parcel: Parcel, { signal, attempt = 1 }: Sending = {}): Promise<SendOutcome> {
		const { channel } = this.at;
		await channel.check(this.settings);
		const { settings } = this.whole();
		return channel.send(this.plan(settings, parcel), settings, parcel, {
			signal: signal ?? new AbortController().signal,
			attempt,
			// far more than a busy machine needs: what is shown here does not depend on speed
			timeout: channel.timeout + 100_000,
		});
	}

	async delivers(parcel: Parcel, sending?: Sending): Promise<void> {
		const outcome = await this.send(parcel, sending);
		const { size, sha256 } = parcel;
		const { name, abilities } = this.at.channel;
		const named = abilities.files === true ? { name: parcel.filename } : {};
		const receipt = { channel: name, size, sha256, ...named };
		claimHas(outcome, { kind: 'delivered', receipt });
		claimSame(await this.at.arrived(parcel), [{ size, sha256 }]);
	}

	async deliversNothing(parcel: Parcel, sending?: Sending): Promise<SendOutcome> {
		const outcome = await this.send(parcel, sending);
		assert.equal(outcome.kind, 'failed');
		claimSame(await this.at.arrived(parcel), []);
		return outcome;
	}

	async close(): Promise<void> {
		await this.at.channel.close?.();
		await this.at.cleanup();
	}
}

async function plansAlike(bench: ChannelBench): Promise<void> {
	const parcel = parcelOf('x');
	const { settings, secrets } = bench.whole();
	const plan = bench.plan(settings, parcel);
	claimSame(bench.plan(settings, parcel), plan);
	for (const secret of Object.values(secrets)) {
		assert.ok(!JSON.stringify(plan).includes(secret), 'a secret is in the plan');
	}
}

async function deliversMuchWithFlatMemory(bench: ChannelBench): Promise<void> {
	let held = 0;
	collectGarbage();
	const before = process.memoryUsage().arrayBuffers;
	await bench.delivers(
		largeParcel(50 * MB, {
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
		}),
	);
	assert.ok(held < FLAT, `${held} bytes were held at a time`);
}

async function outlivesItsSource(bench: ChannelBench): Promise<void> {
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
	const outcome = await bench.deliversNothing(parcel);
	claimHas(outcome, { code: 'NOT_FOUND', retry: 'never' });
	assert.ok(opened > 0, 'the source was never opened');
	claimSame(await bench.at.traces(), []);
}

async function endsWhenAborted(bench: ChannelBench): Promise<void> {
	const controller = new AbortController();
	const parcel = largeParcel(2 * MB, {
		async *open() {
			yield Buffer.alloc(65_536);
			controller.abort(new CapError('FENCED', 'another engine has it'));
			await new Promise(() => undefined);
		},
	});
	const outcome = await bench.deliversNothing(parcel, { signal: controller.signal });
	claimHas(outcome, { code: 'FENCED' });
	claimSame(await bench.at.traces(), []);
}

async function canBeToldTwice(bench: ChannelBench): Promise<void> {
	const parcel = parcelOf('a,b\n1,2\n');
	await bench.delivers(parcel);
	await bench.delivers(parcel, { attempt: 2 });
}
