import { Binary } from 'mongodb';

import type { RunSettlement } from '../../contract/change.ts';
import type { BlobRef, ResultRecord } from '../../contract/result.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { is, targetId } from './documents.ts';
import { events as eventsEffect } from './effects.ts';
import { artifactRows, resultRows } from './rows.ts';

interface Results {
	port: Pick<Store, 'getResult' | 'getArtifact' | 'putArtifact' | 'lastDeliveredResult'>;
	/**
	 * Bytes and records, before the write that names them: what is left over, when that is not made, goes with
	 * retention. @returns for each null, or why it cannot be written
	 */
	writeResults(
		settlements: readonly Pick<RunSettlement, 'runId' | 'result'>[],
	): Promise<(Error | null)[]>;
	writeBlobs(blobs: readonly { ref: BlobRef; inline?: Uint8Array | null }[]): Promise<void>;
	/** They are about to be named by a record. */
	touch(hashes: readonly string[]): Promise<void>;
}

export function createResults({
	db,
	commits,
	clock,
}: Pick<Context, 'db' | 'commits' | 'clock'>): Results {
	async function writeBlobs(
		blobs: readonly { ref: BlobRef; inline?: Uint8Array | null }[],
	): Promise<void> {
		if (blobs.length === 0) return;
		const at = clock.now();
		await db.run(async () =>
			db.of('blobs').bulkWrite(
				blobs.map(({ ref, inline }) => {
					const touched = { $max: { touchedAt: at } };
					const filter = { _id: ref.sha256 };
					// Large ones are there since they were staged.
					if (inline === undefined || inline === null)
						return { updateOne: { filter, update: touched } };
					const fields = { size: ref.size, bytes: new Binary(inline) };
					return {
						updateOne: { filter, update: { ...touched, $setOnInsert: fields }, upsert: true },
					};
				}),
				{ ordered: false },
			),
		);
	}

	async function writeRecords(records: readonly ResultRecord[]): Promise<Set<string>> {
		if (records.length === 0) return new Set();
		await db.run(async () =>
			db.of('results').bulkWrite(
				records.map((record) => {
					const { _id, ...fields } = resultRows.toDoc(record);
					const sha256 = record.blob.sha256;
					return {
						updateOne: {
							filter: { _id },
							update: { $setOnInsert: { ...fields, sha256 } },
							upsert: true,
						},
					};
				}),
				{ ordered: false },
			),
		);
		const there = await db.run(async () =>
			db
				.of('results')
				.find({ _id: { $in: records.map(({ id }) => id as string) } })
				.project<{ _id: string; runId: string }>({ runId: 1 })
				.toArray(),
		);
		return new Set(there.map(({ _id, runId }) => `${_id}/${runId}`));
	}

	return {
		writeBlobs,

		async writeResults(settlements) {
			const given = settlements.flatMap(({ result }) => result ?? []);
			await writeBlobs(given.map(({ record, inline }) => ({ ref: record.blob, inline })));
			const there = await writeRecords(given.map(({ record }) => record));
			return settlements.map(({ runId, result }) => {
				if (result === undefined || there.has(`${result.record.id}/${runId}`)) return null;
				return new Error(`results: ${result.record.id} belongs to another run`);
			});
		},

		async touch(hashes) {
			if (hashes.length === 0) return;
			await db.run(async () =>
				db
					.of('blobs')
					.updateMany({ _id: { $in: [...hashes] } }, { $max: { touchedAt: clock.now() } }),
			);
		},

		port: {
			async getResult(tenant, id) {
				const doc = await db.run(async () =>
					db.of('results').findOne({ _id: is(id) as never, tenant: is(tenant) }),
				);
				if (doc === null) return null;
				const record = resultRows.fromDoc(doc);
				// Written before its run took it: until then, and when it never did, there is none.
				const run = await db.run(async () =>
					db.of('runs').findOne({ _id: record.runId, resultId: is(id) }),
				);
				return run === null ? null : record;
			},

			async getArtifact(tenant, resultId, rendering) {
				const _id = JSON.stringify([String(resultId), String(rendering)]);
				const doc = await db.run(async () =>
					db.of('artifacts').findOne({ _id, tenant: is(tenant) }),
				);
				return doc === null ? null : artifactRows.fromDoc(doc);
			},

			async putArtifact(artifact, inline, events = []) {
				await writeBlobs([{ ref: artifact.blob, inline }]);
				const doc = { ...artifactRows.toDoc(artifact), sha256: artifact.blob.sha256 };
				// Once: the second of two is as if it had not been.
				await commits.insert('artifacts', doc, eventsEffect(events));
			},

			async lastDeliveredResult(tenant, scheduleId, targetKey) {
				const _id = targetId(scheduleId, targetKey);
				const doc = await db.run(async () => db.of('targets').findOne({ _id, tenant: is(tenant) }));
				return (doc?.['deliveredSha256'] as string | undefined) ?? null;
			},
		},
	};
}
