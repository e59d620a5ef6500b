import type { IDataObject, IWebhookFunctions } from 'n8n-workflow';

import type { Page } from '../shared/transport';
import { call, path } from '../shared/transport';
import type { Envelope } from './occurrence';

/** Of the newest runs of a schedule, how many are looked at for one that is over. */
const LOOKED_AT = 10;
/** Milliseconds; the engine waits for the workflow meanwhile. */
const TIMEOUT = 5_000;
const OVER = ['succeeded', 'failed', 'cancelled', 'expired'];

interface Run extends IDataObject {
	id: string;
	state: string;
	nominalAt: string | null;
	endedAt: string | null;
	error: { code: string; message: string } | null;
	result?: IDataObject | null;
}

/**
 * How the schedule's run before this one ended. Null where there is none; and where the engine does not tell, since
 * a workflow that was called is to run all the same.
 */
export async function previousOf(
	context: IWebhookFunctions,
	{ schedule, requestId }: Envelope,
): Promise<IDataObject | null> {
	if (schedule === undefined) return null;
	try {
		const { items } = await call<Page>(context, {
			path: '/v1/runs',
			query: { scheduleId: schedule.id, limit: LOOKED_AT },
			timeout: TIMEOUT,
		});
		// ids are in the order in which runs were made
		const found = (items as Run[]).find(({ id, state }) => id < requestId && OVER.includes(state));
		if (found === undefined) return null;
		return summary(
			await call<Run>(context, { path: path`/v1/runs/${found.id}`, timeout: TIMEOUT }),
		);
	} catch {
		return null;
	}
}

function summary({ id, state, nominalAt, endedAt, error, result }: Run): IDataObject {
	return {
		runId: id,
		state,
		nominalAt,
		endedAt,
		error: error === null ? null : { code: error.code, message: error.message },
		result: result == null ? null : pick(result, 'contentType', 'size', 'rows', 'sha256'),
	};
}

const pick = (from: IDataObject, ...fields: string[]): IDataObject =>
	Object.fromEntries(fields.map((field) => [field, from[field] ?? null]));
