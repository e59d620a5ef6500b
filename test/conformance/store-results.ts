import { expect, it } from '@jest/globals';

import { sha256, T0, TENANT } from '../support/store-records.ts';
import { oneClaimed } from './store-runs.ts';
import type { Bench } from './store.ts';

async function* chunks(size: number, count: number): AsyncIterable<Uint8Array> {
	for (let i = 0; i < count; i++) {
		await Promise.resolve();
		yield Buffer.alloc(size, i % 251);
	}
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const parts: Uint8Array[] = [];
	for await (const part of source) parts.push(part);
	return Buffer.concat(parts);
}

export function exerciseResults(bench: Bench): void {
	it('keeps a small result in the commit, and gives any range of it', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const staged = await store.blobs.stage(Buffer.from('{"ok":true}'), { maxBytes: 100 });
		expect(staged.inline).not.toBeNull();
		const settlement = records.success(run);
		await store.settleRuns([settlement]);
		const result = await store.getResult(TENANT, settlement.result?.record.id ?? 'res_');
		expect(result).toEqual(settlement.result?.record);
		expect(Buffer.from(await store.blobs.read(staged.ref)).toString()).toBe('{"ok":true}');
		expect((await collect(store.blobs.open(staged.ref, { start: 1, end: 4 }))).toString()).toBe(
			'"ok"',
		);
		expect((await collect(store.blobs.open(staged.ref, { start: 9, end: 99 }))).toString()).toBe(
			'e}',
		);
	});

	it('keeps an empty result', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const { ref, inline } = await store.blobs.stage(chunks(0, 0), { maxBytes: 10 });
		const result = records.result(run, '');
		await store.settleRuns([records.success(run, { result: { ...result, inline } })]);
		expect(ref).toEqual(result.record.blob);
		expect(await collect(store.blobs.open(ref))).toHaveLength(0);
		expect(await store.blobs.read(ref)).toHaveLength(0);
	});

	it('keeps a large result outside of the commit, by its hash', async () => {
		const { store } = bench;
		const whole = await collect(chunks(10_000, 50));
		const { ref, inline } = await store.blobs.stage(chunks(10_000, 50), { maxBytes: 500_000 });
		expect(inline).toBeNull();
		expect(ref).toEqual({ sha256: sha256(whole), size: 500_000 });
		expect((await collect(store.blobs.open(ref))).equals(whole)).toBe(true);
		const part = await collect(store.blobs.open(ref, { start: 9_990, end: 10_009 }));
		expect(part.equals(whole.subarray(9_990, 10_010))).toBe(true);
		const again = await store.blobs.stage(whole, { maxBytes: 500_000 });
		expect(again.ref).toEqual(ref);
	});

	it('lends the same bytes, whole and any range of them, piece by piece', async () => {
		const { store } = bench;
		const whole = await collect(chunks(10_000, 90));
		const { ref } = await store.blobs.stage(chunks(10_000, 90), { maxBytes: 900_000 });
		const ranges = [undefined, { start: 0, end: 0 }, { start: 262_143, end: 262_144 }];
		for (const range of [
			...ranges,
			{ start: 300_000, end: 899_999 },
			{ start: 5, end: 2_000_000 },
		]) {
			const parts: Buffer[] = [];
			// each is copied before the next is asked for: its memory may be used again
			for await (const part of store.blobs.lend(ref, range)) parts.push(Buffer.from(part));
			const { start = 0, end = 899_999 } = range ?? {};
			expect(Buffer.concat(parts).equals(whole.subarray(start, end + 1))).toBe(true);
		}
		const nowhere = store.blobs.lend({ sha256: sha256('nowhere'), size: 20_000 });
		await expect(collect(nowhere)).rejects.toMatchObject({ code: 'NOT_FOUND' });
	});

	it('refuses more bytes than allowed', async () => {
		const { store } = bench;
		await expect(
			store.blobs.stage(chunks(10_000, 50), { maxBytes: 499_999 }),
		).rejects.toMatchObject({
			code: 'RESULT_TOO_LARGE',
		});
		await expect(store.blobs.stage(Buffer.alloc(11), { maxBytes: 10 })).rejects.toMatchObject({
			code: 'RESULT_TOO_LARGE',
		});
	});

	it('says so when the bytes are gone', async () => {
		const open = bench.store.blobs.open({ sha256: sha256('nowhere'), size: 20_000 });
		await expect(collect(open)).rejects.toMatchObject({ code: 'NOT_FOUND' });
	});

	it('keeps an artifact once', async () => {
		const { store } = bench;
		const staged = await store.blobs.stage(Buffer.from('a,b\n'), { maxBytes: 100 });
		const artifact = {
			tenant: TENANT,
			resultId: 'res_x' as const,
			rendering: 'csv-1',
			format: 'csv',
			contentType: 'text/csv',
			extension: 'csv',
			blob: staged.ref,
			createdAt: T0,
		};
		await store.putArtifact(artifact, staged.inline);
		await store.putArtifact({ ...artifact, createdAt: T0 + 1 }, staged.inline);
		expect(await store.getArtifact(TENANT, 'res_x', 'csv-1')).toEqual(artifact);
		expect(await store.getArtifact(TENANT, 'res_x', 'csv-2')).toBeNull();
		expect(Buffer.from(await store.blobs.read(staged.ref)).toString()).toBe('a,b\n');
	});

	it('uses a link as often as it allows, also when many come at once', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const link = records.link(run, { maxUses: 3 });
		await store.createLink(link, []);
		expect(await store.findLink(link.id)).toEqual(link);
		const uses = await Promise.all(
			Array.from({ length: 10 }, () => store.useLink(link.id, link.secretHash, T0)),
		);
		expect(uses.filter((use) => use === 'used')).toHaveLength(3);
		expect(uses.filter((use) => use === 'spent')).toHaveLength(7);
	});

	it('finds the links that end soon and were never used', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const make = async (expiresAt: number): Promise<string> => {
			const link = records.link(run, { expiresAt });
			await store.createLink(link, []);
			return link.id;
		};
		const used = records.link(run, { expiresAt: T0 + 20 });
		await store.createLink(used, []);
		await store.useLink(used.id, used.secretHash, T0);
		const revoked = await make(T0 + 20);
		await store.revokeLink(TENANT, revoked as 'lnk_x', T0, []);
		const [early, late, soon] = [await make(T0 + 10), await make(T0 + 40), await make(T0 + 30)];
		const found = async (after: number, until: number, limit = 9): Promise<string[]> =>
			(await store.listUnusedLinks(after, until, limit)).map(({ id }) => id);
		expect(await found(T0 + 9, T0 + 30)).toEqual([early, soon]);
		expect(await found(T0 + 10, T0 + 40)).toEqual([soon, late]);
		expect(await found(T0, T0 + 99, 1)).toEqual([early]);
	});

	it('knows a link by its secret only, and not after its end', async () => {
		const { store, records } = bench;
		const run = await oneClaimed(bench);
		const link = records.link(run);
		const revoked = records.link(run);
		await store.createLink(link, []);
		await store.createLink(revoked, []);
		expect(await store.useLink(link.id, sha256('wrong'), T0)).toBe('not_found');
		expect(await store.useLink('lnk_none', link.secretHash, T0)).toBe('not_found');
		expect(await store.useLink(link.id, link.secretHash, link.expiresAt)).toBe('spent');
		expect(await store.useLink(link.id, link.secretHash, link.expiresAt - 1)).toBe('used');
		expect(await store.revokeLink(TENANT, revoked.id, T0 + 1, [])).toBe('revoked');
		expect(await store.revokeLink(TENANT, 'lnk_none', T0 + 1, [])).toBe('not_found');
		expect(await store.useLink(revoked.id, revoked.secretHash, T0)).toBe('spent');
	});
}
