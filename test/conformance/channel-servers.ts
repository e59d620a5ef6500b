import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type {
	Channel,
	Parcel,
	ProbeStep,
	SendOutcome,
} from '../../engine/channels/channel.port.ts';
import { CapError } from '../../engine/contract/errors.ts';
import type { ErrorCode } from '../../engine/contract/errors.ts';
import { largeParcel, parcelOf } from '../support/parcels.ts';
import type { Content } from '../servers/folder-contents.ts';
import type { FaultProxy } from '../servers/fault-proxy.ts';

/** A channel, and a real server behind proxies that can do it wrong. */
export interface ServerUnderTest {
	channel: Channel;
	/** As a user gives them; they lead through the proxies. */
	settings: object;
	wrong: {
		password: object;
		/** Settings that expect another host key or certificate, and the code that this ends with. */
		identity?: { settings: object; code: ErrorCode };
		permission?: object;
		/** Where 3 MB do not fit. */
		full?: object;
	};
	faults: FaultProxy;
	/** Whether a file lies there under this final name. */
	isThere(path: string): Promise<boolean>;
	/** At once, in the middle of what it does. */
	kill(): Promise<void>;
	start(): Promise<void>;
	/** All that lies there, half files and temporary names too, hashed without the channel. */
	contents(): Promise<Content[]>;
	/** Beside files: what is begun and not over, such as parts of uploads. */
	unfinished?(): Promise<string[]>;
	/** Takes away all that lies there. */
	clear(): Promise<void>;
	/** False: a store of objects, whose folders are a part of their names. */
	folders: boolean;
	/** Names that the server spoils: a delivery under one fails for good. */
	spoils?: RegExp;
	/** Whether a second attempt goes on where the first was broken off. */
	resumes: boolean;
	cleanup(): Promise<void>;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MB = 1_000_000;
const NAMES = [
	'Übersicht für März.csv',
	'報告 2027.csv',
	'a b  c.csv',
	`${'x'.repeat(251)}.csv`,
	`${'ü'.repeat(125)}.csv`,
	'it\'s;q"%#&+=@!.csv',
];

/** What every channel promises of a real server, and of one that fails in every way that servers fail in. */
export function exerciseChannelServer(
	name: string,
	make: () => Promise<ServerUnderTest>,
	{
		flat = 40 * MB,
		line = true,
	}: {
		flat?: number;
		/** False: a line that is slow or stalls is the channel's matter, and was shown at another server. */
		line?: boolean;
	} = {},
): void {
	describe(`${name}, at a real server`, () => {
		let at: ServerUnderTest;

		beforeAll(async () => {
			at = await make();
		}, 900_000);
		afterAll(async () => {
			await at.channel.close?.();
			await at.cleanup();
		});
		beforeEach(async () => {
			at.faults.clear();
			await at.clear();
		});

		async function send(
			parcel: Parcel,
			{ signal = new AbortController().signal, attempt = 1, change = {} } = {},
		): Promise<SendOutcome> {
			const settings = at.channel.settings.parse({ ...at.settings, ...change });
			const prepared = at.channel.prepare(settings, parcel);
			const timeout = at.channel.timeout + Math.ceil(parcel.size / MB) * 1000;
			return at.channel.send(prepared, settings, parcel, { signal, attempt, timeout });
		}

		const isTemporary = ({ path }: Content): boolean =>
			/^\..*\.(?:part|upload)$/.test(basename(path));
		const finished = async (): Promise<Content[]> =>
			(await at.contents()).filter((one) => !isTemporary(one));
		const file = ({ filename, size, sha256 }: Parcel, folder = ''): Content => ({
			path: folder + filename,
			size,
			sha256,
		});

		async function expectDelivered(
			parcel: Parcel,
			options: Parameters<typeof send>[1] = {},
		): Promise<Extract<SendOutcome, { kind: 'delivered' }>> {
			const outcome = await send(parcel, options);
			// the message says why
			if (outcome.kind === 'failed') expect(outcome).toEqual('delivered');
			expect(outcome).toMatchObject({
				kind: 'delivered',
				receipt: { channel: at.channel.name, size: parcel.size, sha256: parcel.sha256 },
			});
			return outcome as Extract<SendOutcome, { kind: 'delivered' }>;
		}

		async function expectOnly(...parcels: Parcel[]): Promise<void> {
			expect(await at.contents()).toEqual(parcels.map((parcel) => file(parcel)));
			expect(await at.unfinished?.()).toEqual(at.unfinished && []);
		}

		/** Whatever went wrong: no half file under a final name, and the next attempt brings the bytes. */
		async function expectRepaired(parcel: Parcel): Promise<void> {
			expect(await finished()).toEqual([]);
			at.faults.clear();
			await expectDelivered(parcel, { attempt: 2 });
			await expectOnly(parcel);
		}

		/** 20 MB; when more than the half of it was read for the first time, something happens. */
		function inTheMiddle(happen: () => Promise<void>): Parcel {
			let happened = false;
			return largeParcel(20 * MB, {
				async onChunk(sent) {
					if (happened || sent < 12 * MB) return;
					happened = true;
					await happen();
				},
			});
		}

		it.each([0, 1, 65_537])('delivers %d bytes as they are', async (size) => {
			const parcel = largeParcel(size);
			await expectDelivered(parcel);
			await expectOnly(parcel);
		});

		it.each(NAMES)('delivers under the name %j', async (filename) => {
			const parcel = parcelOf('a,b\n1,2\n', { filename });
			if (at.spoils?.test(filename)) {
				for (const attempt of [1, 2]) {
					const retry = 'never';
					expect(await send(parcel, { attempt })).toMatchObject({ kind: 'failed', retry });
				}
				return;
			}
			await expectDelivered(parcel);
			await expectOnly(parcel);
		});

		it('is tested step by step, and nothing of the test is left', async () => {
			const steps: ProbeStep[] = [];
			const { signal } = new AbortController();
			const probe = async (change: object): Promise<string[]> => {
				steps.length = 0;
				const settings = at.channel.settings.parse({ ...at.settings, ...change });
				await at.channel.probe?.(settings, { signal, report: (step) => steps.push(step) });
				return steps.map(({ step, ok, code }) => (ok ? step : `${step}: ${code}`));
			};
			expect((await probe({})).slice(-3)).toEqual(['write', 'read', 'delete']);
			expect(await at.contents()).toEqual([]);
			expect((await probe(at.wrong.password)).at(-1)).toMatch(/: TARGET_LOGIN_FAILED$/);
			expect(JSON.stringify(steps)).not.toContain('wrong-secret');
		});

		it('makes missing folders, and says so where it may not', async () => {
			const parcel = parcelOf('x');
			const folder = 'new/übung 1/x';
			if (at.folders) {
				const refused = await send(parcel, { change: { folder, mkdir: false } });
				expect([refused.kind, await at.contents()]).toEqual(['failed', []]);
			}
			await expectDelivered(parcel, { change: { folder } });
			expect(await at.contents()).toEqual([file(parcel, `${folder}/`)]);
		});

		it('delivers 200 MB with flat memory', async () => {
			let held = 0;
			collectGarbage();
			const before = process.memoryUsage().arrayBuffers;
			const parcel = largeParcel(200 * MB, {
				async onChunk(sent) {
					if (sent % (320 * 65_536) !== 0) return;
					let now = Number.POSITIVE_INFINITY;
					for (let turn = 0; turn < 100 && now > flat; turn++) {
						collectGarbage();
						await setImmediate();
						now = process.memoryUsage().arrayBuffers - before;
					}
					held = Math.max(held, now);
				},
			});
			await expectDelivered(parcel);
			await expectOnly(parcel);
			expect(held).toBeLessThan(flat);
		}, 120_000);

		it('suffixes, replaces or refuses when the name is taken by other bytes', async () => {
			const [first, second, third, fourth] = ['1', '2', '3', '4'].map((text) => parcelOf(text));
			if (!first || !second || !third || !fourth) throw new Error('four');
			await expectDelivered(first, { change: { overwrite: 'refuse' } });
			await expectDelivered(second, { change: { overwrite: 'suffix' } });
			expect(await send(third, { change: { overwrite: 'refuse' } })).toMatchObject({
				kind: 'failed',
				code: 'TARGET_REFUSED',
				retry: 'never',
			});
			expect(await at.contents()).toEqual([{ ...file(second), path: 'report-1.csv' }, file(first)]);
			await expectDelivered(fourth, { change: { overwrite: 'replace' } });
			expect(await at.contents()).toEqual([
				{ ...file(second), path: 'report-1.csv' },
				file(fourth),
			]);
		});

		it.each(['suffix', 'replace', 'refuse'])(
			'can be told twice and replayed: with "%s" there is one file',
			async (overwrite) => {
				const parcel = parcelOf('a,b\n1,2\n');
				for (const attempt of [1, 2, 1]) {
					await expectDelivered(parcel, { attempt, change: { overwrite } });
				}
				await expectOnly(parcel);
			},
		);

		it('delivers 100 at once', async () => {
			const parcels = Array.from({ length: 100 }, (_, index) =>
				largeParcel(10_000, { filename: `${String(index).padStart(3, '0')}.csv` }),
			);
			const outcomes = await Promise.all(parcels.map(async (parcel) => send(parcel)));
			expect(outcomes.filter(({ kind }) => kind !== 'delivered')).toEqual([]);
			await expectOnly(...parcels);
		}, 120_000);

		it('says that the password is wrong, and sends nothing', async () => {
			let opened = 0;
			const whole = parcelOf('x');
			const parcel: Parcel = {
				...whole,
				open() {
					opened += 1;
					return whole.open();
				},
			};
			const outcome = await send(parcel, { change: at.wrong.password });
			expect(outcome).toMatchObject({
				kind: 'failed',
				code: 'TARGET_LOGIN_FAILED',
				retry: 'later',
			});
			expect(JSON.stringify(outcome)).not.toContain('wrong-secret');
			expect(await at.contents()).toEqual([]);
			expect(opened).toBeLessThanOrEqual(1);
		});

		it('sends nothing to a server that is another one', async () => {
			if (at.wrong.identity === undefined) return;
			let opened = 0;
			const whole = parcelOf('x');
			const parcel: Parcel = {
				...whole,
				open() {
					opened += 1;
					return whole.open();
				},
			};
			expect(await send(parcel, { change: at.wrong.identity.settings })).toMatchObject({
				kind: 'failed',
				code: at.wrong.identity.code,
			});
			// a store of objects gets small files in one request, which has to be signed before it connects
			expect(opened).toBeLessThanOrEqual(at.folders ? 0 : 1);
			expect(await at.contents()).toEqual([]);
		});

		it('says that it has no permission', async () => {
			if (at.wrong.permission === undefined) return;
			expect(await send(parcelOf('x'), { change: at.wrong.permission })).toMatchObject({
				kind: 'failed',
				code: 'TARGET_REFUSED',
				retry: 'later',
			});
			expect(await at.contents()).toEqual([]);
		});

		it('says that there is no room, and leaves none of it behind', async () => {
			if (at.wrong.full === undefined) return;
			expect(await send(largeParcel(3 * MB), { change: at.wrong.full })).toMatchObject({
				kind: 'failed',
				code: 'TARGET_FULL',
				retry: 'later',
			});
			expect(await at.contents()).toEqual([]);
			await expectDelivered(largeParcel(100_000), { change: at.wrong.full });
		});

		it('takes a marker away where the file that it speaks of is replaced, and only there', async () => {
			const marker = parcelOf('', { filename: 'rows ü.csv.done' });
			const context = { signal: new AbortController().signal, timeout: 30_000 };
			const unmark = async (change: object) =>
				at.channel.unmark!(
					at.channel.settings.parse({ ...at.settings, ...change }),
					marker,
					context,
				);
			expect(await unmark({ overwrite: 'replace' })).toBeNull();
			if (at.folders) expect(await unmark({ overwrite: 'replace', folder: 'absent' })).toBeNull();
			await expectDelivered(marker);
			for (const overwrite of ['suffix', 'refuse']) {
				expect(await unmark({ overwrite })).toBeNull();
				expect(await at.isThere(marker.filename)).toBe(true);
			}
			expect(await unmark({ overwrite: 'replace' })).toBeNull();
			expect(await at.isThere(marker.filename)).toBe(false);
			expect(await unmark({ ...at.wrong.password, overwrite: 'replace' })).toMatchObject({
				code: 'TARGET_LOGIN_FAILED',
			});
		});

		it('leaves nothing behind when the source fails in the middle', async () => {
			const whole = largeParcel(20 * MB);
			const parcel: Parcel = {
				...whole,
				async *open() {
					let sent = 0;
					for await (const chunk of whole.open()) {
						if ((sent += chunk.length) > 12 * MB)
							throw new CapError('NOT_FOUND', 'retention took it');
						yield chunk;
					}
				},
			};
			expect(await send(parcel)).toMatchObject({
				kind: 'failed',
				code: 'NOT_FOUND',
				retry: 'never',
			});
			await expectOnly();
		});

		it('never delivers bytes that are not those promised', async () => {
			const parcel = largeParcel(20 * MB, { sha256: parcelOf('other').sha256 });
			expect(await send(parcel)).toMatchObject({
				kind: 'failed',
				code: 'INTERNAL',
				retry: 'later',
			});
			await expectOnly();
		});

		it('leaves nothing behind when it is cancelled in the middle', async () => {
			const controller = new AbortController();
			const parcel = largeParcel(20 * MB, {
				async onChunk(sent) {
					if (sent >= 12 * MB) controller.abort();
					await Promise.resolve();
				},
			});
			expect(await send(parcel, { signal: controller.signal })).toMatchObject({
				kind: 'failed',
				code: 'CANCELLED',
			});
			await expectOnly();
		});

		it('repairs what was broken off when the server died in the middle', async () => {
			let killed: Promise<void> = Promise.resolve();
			const parcel = inTheMiddle(async () => {
				killed = at.kill();
				await killed;
			});
			const outcome = await send(parcel);
			// the attempt may end before the process is gone
			await killed;
			await at.start();
			expect(outcome).toMatchObject({ kind: 'failed', retry: 'later' });
			expect(await finished()).toEqual([]);
			const { receipt } = await expectDelivered(parcel, { attempt: 2 });
			expect(Number(receipt.remote['resumedFrom'] ?? 0) > 0).toBe(at.resumes);
			await expectOnly(parcel);
		});

		it('fails while there is no server, and delivers when it is back', async () => {
			const parcel = parcelOf('x');
			await at.kill();
			const outcome = await send(parcel);
			await at.start();
			expect(outcome).toMatchObject({
				kind: 'failed',
				code: 'TARGET_UNREACHABLE',
				retry: 'later',
			});
			await expectRepaired(parcel);
		});

		it.each(['upstream', 'downstream'] as const)(
			'tells of a connection that is reset %s',
			async (stream) => {
				const parcel = inTheMiddle(async () => {
					await Promise.resolve();
					at.faults.set({ reset: stream });
				});
				expect(await send(parcel)).toMatchObject({ kind: 'failed', retry: 'later' });
				await expectRepaired(parcel);
			},
		);

		it.each(['suffix', 'replace', 'refuse'])(
			'does not deliver twice when the last answer is lost: with "%s"',
			async (overwrite) => {
				const parcel = largeParcel(100_000);
				const before = at.faults.cuts;
				at.faults.set({ cutWhen: async () => at.isThere(parcel.filename) });
				const outcome = await send(parcel, { change: { overwrite } });
				expect(at.faults.cuts).toBeGreaterThan(before);
				at.faults.clear();
				// either it was told by a second look, or the truth is that nobody knows
				if (outcome.kind === 'failed') expect(outcome.retry).toBe('later');
				await expectDelivered(parcel, { attempt: 2, change: { overwrite } });
				await expectOnly(parcel);
			},
		);

		if (!line) return;

		it.each(['upstream', 'downstream'] as const)(
			'ends when the connection stalls %s',
			async (stream) => {
				const parcel = inTheMiddle(async () => {
					await Promise.resolve();
					at.faults.set({ stalled: stream });
				});
				expect(await send(parcel, { change: { stall: '2s' } })).toMatchObject({
					kind: 'failed',
					code: 'TIMEOUT',
					retry: 'later',
				});
				await expectRepaired(parcel);
			},
		);

		it('delivers with a latency of two seconds', async () => {
			at.faults.set({ latency: 2000 });
			const parcel = largeParcel(300_000);
			await expectDelivered(parcel);
			await expectOnly(parcel);
		}, 150_000);

		it('delivers over a line that drips', async () => {
			at.faults.set({ rate: 200_000 });
			const parcel = largeParcel(MB);
			await expectDelivered(parcel, { change: { stall: '15s' } });
			await expectOnly(parcel);
		}, 60_000);
	});
}
