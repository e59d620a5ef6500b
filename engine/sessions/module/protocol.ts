import type { DeclaredColumn } from '../../contract/envelope.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { ResultEncoding } from '../../contract/result.ts';

export interface ModuleJob {
	/** A file URL. */
	module: string;
	action: string;
	parameters: JsonObject;
	context: { runId: string; attempt: number; deadline: string; action: string; capability: string };
}

/** Pieces that a worker may send before it is asked for more. */
export const CREDIT = 8;

export type ToWorker =
	| { type: 'start'; job: ModuleJob }
	/** One piece was read: another one may come. */
	| { type: 'more' }
	| { type: 'abort' };

export interface ModuleFailure {
	code: 'CAPABILITY_FAILED' | 'CAPABILITY_MISSING' | 'RESULT_INVALID' | 'ACTION_UNKNOWN';
	message: string;
	detail?: string;
	retry: 'never' | 'later';
	retryAfter?: number;
}

export type FromWorker =
	| {
			type: 'head';
			encoding: ResultEncoding;
			contentType: string;
			filename?: string;
			columns?: DeclaredColumn[];
	  }
	| { type: 'chunk'; bytes: Uint8Array }
	| { type: 'end'; rows?: number }
	| { type: 'failed'; failure: ModuleFailure };
