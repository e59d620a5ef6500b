import type { ArtifactRecord, ResultRecord } from '../contract/result.ts';
import type { Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { FilenameValues } from '../core/delivery/filename.ts';
import { parseFilename, renderFilename } from '../core/delivery/filename.ts';

/** What a file is called by. */
export interface Named {
	values: Omit<FilenameValues, 'name' | 'format' | 'ext'>;
	timeZone: string;
	/** What the source called its file, if it did: `report.pdf`. */
	source: string | undefined;
	/** Bytes that are kept free for what is put behind the name; default 0. */
	room?: number;
}

/** The name of a file for a rendered result. */
export function fileNameOf(
	template: string,
	{ run, spec, result }: { run: Run; spec: RunSpec; result: Pick<ResultRecord, 'filename'> },
	artifact: Pick<ArtifactRecord, 'format' | 'extension'> & { room?: number },
): string {
	const values = {
		capability: run.capability,
		action: run.action,
		runId: run.id,
		scheduleId: run.scheduleId,
		scheduleName: spec.schedule?.name ?? null,
		tenant: run.tenant,
		nominalAt: run.nominalAt ?? run.createdAt,
		windowStart: run.windowStart,
		windowEnd: run.nominalAt,
	};
	const { timeZone } = spec;
	const { room = 0 } = artifact;
	return nameFile(template, { values, timeZone, source: result.filename, room }, artifact);
}

/** With a letter in it: `Sales 2026.11` has none. */
const EXTENSION = /^(.+?)(?:\.([0-9]*[A-Za-z][A-Za-z0-9]{0,9}))?$/;

/** The same for what comes of no run. */
export function nameFile(
	template: string,
	{ values, timeZone, source, room = 0 }: Named,
	{ format, extension }: Pick<ArtifactRecord, 'format' | 'extension'>,
): string {
	const [, stem, own] = EXTENSION.exec(source ?? '') ?? [];
	return renderFilename(parseFilename(template, 'filename'), {
		values: {
			...values,
			format,
			name: stem ?? `${values.capability ?? ''}-${values.action ?? ''}`,
			// what is passed on as it came keeps its own
			ext: format === 'raw' ? (own ?? extension) : extension,
		},
		timeZone,
		room,
	});
}
