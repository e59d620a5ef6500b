import { expect, it } from '@jest/globals';

import type { ArchiveRecords, Section } from '../../engine/stores/archive.port.ts';
import { SECTIONS } from '../../engine/stores/archive.port.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import { pagesOf } from '../../engine/transfer/records.ts';
import { sha256, T0, TENANT } from '../support/store-records.ts';
import { fillStore } from './full-store.ts';
import { claim } from './store-runs.ts';
import type { Bench } from './store.ts';

type Contents = Map<Section, ArchiveRecords[Section][]>;

async function contentsOf(store: Store): Promise<Contents> {
	const reader = await store.archive.reader();
	const contents: Contents = new Map();
	for (const section of SECTIONS) {
		const records: ArchiveRecords[Section][] = [];
		for await (const { items } of pagesOf(reader, section)) records.push(...items);
		contents.set(section, records);
	}
	await reader.close();
	return contents;
}

async function problemsOf({ store, clock }: Bench): Promise<unknown[]> {
	return (await store.doctor(clock.at)).filter(({ severity }) => severity === 'problem');
}

export function exerciseArchive(bench: Bench): void {
	it('shows every record of every kind, and none of what only its own engines need', async () => {
		const { store } = bench;
		await fillStore(bench);
		const contents = await contentsOf(store);
		const empty = [...contents].filter(([, records]) => records.length === 0);
		// nothing was pruned yet, and no target delivered to or disabled
		expect(empty.map(([section]) => section).sort()).toEqual(['backfills', 'marks', 'targets']);
		expect(contents.get('shared')).toHaveLength(1);
		expect(contents.get('calendarVersions')).toHaveLength(2);
		const [run] = (contents.get('runs') as ArchiveRecords['runs'][]).filter(
			({ state }) => state === 'succeeded',
		);
		expect(run?.attempts).toHaveLength(1);
	});

	it('reads page by page, each record once', async () => {
		const { store } = bench;
		await fillStore(bench);
		const reader = await store.archive.reader();
		for (const section of SECTIONS) {
			const all = (await reader.read(section, { after: null, limit: 1000 })).items;
			const singly: unknown[] = [];
			for (let after: string | null = null, more = true; more;) {
				const page: { items: unknown[]; next: string | null } = await reader.read(section, {
					after,
					limit: 1,
				});
				singly.push(...page.items);
				after = page.next;
				more = after !== null;
			}
			expect(singly).toEqual(all);
		}
		await reader.close();
	});

	it('gives the bytes that records refer to, and says when they are gone', async () => {
		const { store } = bench;
		await fillStore(bench);
		const reader = await store.archive.reader();
		const small = { sha256: sha256('rendered'), size: 8 };
		const large = { sha256: sha256(Buffer.alloc(100_000, 7)), size: 100_000 };
		const none = { sha256: sha256('none'), size: 20_000 };
		const found = await reader.smallBlobs([small, large, none]);
		expect([...found].map(([, bytes]) => Buffer.from(bytes).toString())).toEqual(['rendered']);
		const parts: Uint8Array[] = [];
		for await (const part of reader.openBlob(large)) parts.push(part);
		expect(sha256(Buffer.concat(parts))).toBe(large.sha256);
		const gone = (async () => {
			for await (const part of reader.openBlob(none)) void part;
		})();
		await expect(gone).rejects.toMatchObject({ code: 'NOT_FOUND' });
		expect(await store.archive.lackingBlobs([small, large, none])).toEqual([none]);
		await reader.close();
	});

	it('writes what is there already without changing anything', async () => {
		const { store } = bench;
		await fillStore(bench);
		const before = await contentsOf(store);
		for (const [section, records] of before) {
			if (section !== 'events') await store.archive.writeRecords(section, records as never);
		}
		expect(await contentsOf(store)).toEqual(before);
	});

	it('works out anew who may have a key, how many there are, and when to look', async () => {
		const { store } = bench;
		await fillStore(bench);
		const counts = await store.counts();
		await bench.loseTimers?.();
		await store.archive.rebuild();
		while ((await store.healTimers(1000)) > 0);
		expect(await store.counts()).toEqual(counts);
		expect(await problemsOf(bench)).toEqual([]);
		bench.clock.at = T0 + 3e6;
		const claimed = await claim(bench);
		// the first of the serial key is to be tried again, and keeps it; the one of the concurrency key is over
		const keys = claimed.map(({ serialKey, concurrencyKey }) => serialKey ?? concurrencyKey ?? '-');
		expect(keys).not.toContain('s');
		expect(keys.filter((key) => key === 'c')).toHaveLength(1);
	});

	it('replaces a record only when it is still what was read', async () => {
		const { store } = bench;
		await fillStore(bench, { sealed: 'v1.k1.a.b.c' });
		const { archive } = store;
		const contents = await contentsOf(store);
		const [before] = contents.get('destinations') as ArchiveRecords['destinations'][];
		const after = { ...before!, sealed: { secret: 'v1.k2.a.b.c' } };
		expect(await archive.replaceRecord('destinations', before!, after)).toBe(true);
		expect(await archive.replaceRecord('destinations', before!, after)).toBe(false);
		const stored = await store.getDestination(before!.tenant, before!.id);
		expect(stored?.sealed).toEqual(after.sealed);
		const [spec] = contents.get('specs') as ArchiveRecords['specs'][];
		const changed = { ...spec!, spec: { ...spec!.spec, notify: [] } };
		expect(await archive.replaceRecord('specs', spec!, changed)).toBe(true);
		const [capability] = contents.get('capabilities') as ArchiveRecords['capabilities'][];
		const binding = { ...capability!.binding, sealed: {} };
		expect(
			await archive.replaceRecord('capabilities', capability!, { ...capability!, binding }),
		).toBe(true);
		expect((await store.getCapability(TENANT, 'reports'))?.binding.sealed).toEqual({});
	});
}
