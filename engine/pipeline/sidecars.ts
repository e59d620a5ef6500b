import { createHash } from 'node:crypto';

import type { Parcel } from '../channels/channel.port.ts';
import type { FileRole } from '../contract/delivery.ts';
import type { Checksum, NamedFile, Sidecars } from '../contract/packaging.ts';
import type { Delivery, Run, SentArtifact } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { toIso } from '../contract/time.ts';
import { stepName } from './package.ts';

/** What a file has beside it: `.manifest.json` is the longest, and the file's own name may have become `-9999`. */
export const SIDECAR_ROOM = 20;

/** What the marker's name ends in, behind the dot. */
export const DONE = 'done';

export interface Sidecar {
	role: Exclude<FileRole, 'data'>;
	parcel: Parcel;
}

interface About {
	delivery: Delivery & { artifact: SentArtifact };
	run: Run;
	spec: RunSpec;
	/** The file itself, and the name under which it lies. */
	parcel: Parcel;
	name: string;
}

/**
 * The small files beside a file, in the order in which they are written: who sees a manifest or a marker finds all
 * that it speaks of. (The marker of an older file of the name is taken away before: see `Channel.unmark`.) They hold
 * no time of sending, so a repeat writes the same bytes.
 */
export async function* sidecarsOf(
	{ checksums = [], manifest, done }: Sidecars,
	about: About,
): AsyncGenerator<Sidecar> {
	const { parcel, name } = about;
	const beside = (role: Sidecar['role'], ending: string, type: string, text: string): Sidecar => ({
		role,
		parcel: besideOf(parcel, { name: `${name}.${ending}`, type, bytes: Buffer.from(text) }),
	});
	const sums = await sumsOf(parcel, checksums);
	for (const [algorithm, sum] of sums) {
		// as `sha256sum` writes it; names that it would have to escape are refused before
		const line = `${sum}  ${name}\n`;
		yield beside('checksum', algorithm, 'text/plain; charset=utf-8', line);
	}
	if (manifest) {
		const text = `${JSON.stringify(manifestOf(about), null, 2)}\n`;
		yield beside('manifest', 'manifest.json', 'application/json', text);
	}
	if (done) yield beside('done', DONE, 'application/octet-stream', '');
}

function besideOf(
	parcel: Parcel,
	{ name, type, bytes }: { name: string; type: string; bytes: Uint8Array },
): Parcel {
	const rest = { ...parcel };
	for (const name of ['report', 'readRows', 'message'] as const) delete rest[name];
	return {
		...rest,
		filename: name,
		contentType: type,
		size: bytes.length,
		sha256: createHash('sha256').update(bytes).digest('hex'),
		async *open() {
			await Promise.resolve();
			if (bytes.length > 0) yield bytes;
		},
		beside: true,
	};
}

/** In the order in which they were asked for. The file is read once for all of them, and not at all for its SHA-256. */
async function sumsOf(
	parcel: Parcel,
	checksums: readonly Checksum[],
): Promise<Map<Checksum, string>> {
	const hashes = checksums
		.filter((algorithm) => algorithm !== 'sha256')
		.map((algorithm) => [algorithm, createHash(algorithm)] as const);
	if (hashes.length > 0) {
		for await (const chunk of parcel.open()) for (const [, hash] of hashes) hash.update(chunk);
	}
	const made = new Map<Checksum, string>(
		hashes.map(([algorithm, hash]) => [algorithm, hash.digest('hex')]),
	);
	return new Map(checksums.map((algorithm) => [algorithm, made.get(algorithm) ?? parcel.sha256]));
}

/** What `<name>.manifest.json` says; a machine's word, so fields are added and never changed. */
interface Manifest {
	manifestVersion: 1;
	deliveryId: string;
	runId: string;
	schedule: { id: string; name: string | null } | null;
	capability: string;
	action: string;
	nominalAt: string | null;
	window: { start: string | null; end: string } | null;
	/** When the run had ended. */
	endedAt: string | null;
	files: (NamedFile & {
		contentType: string;
		format: string;
		packaging: string[];
		contents?: NamedFile[];
	})[];
}

function manifestOf({ delivery, run, spec, parcel, name }: About): Manifest {
	const { target, artifact } = delivery;
	const { nominalAt, windowStart, endedAt } = run;
	return {
		manifestVersion: 1,
		deliveryId: delivery.id,
		runId: run.id,
		schedule:
			run.scheduleId === null ? null : { id: run.scheduleId, name: spec.schedule?.name ?? null },
		capability: run.capability,
		action: run.action,
		nominalAt: nominalAt === null ? null : toIso(nominalAt),
		window:
			nominalAt === null
				? null
				: { start: windowStart === null ? null : toIso(windowStart), end: toIso(nominalAt) },
		endedAt: endedAt === null ? null : toIso(endedAt),
		files: [
			{
				name,
				size: parcel.size,
				sha256: parcel.sha256,
				contentType: parcel.contentType,
				format: target.format,
				packaging: (target.package ?? []).map(stepName),
				...(artifact.contents === undefined ? {} : { contents: artifact.contents }),
			},
		],
	};
}
