/** A thread that applies JSON Schemas which may take long; schema-thread.ts begins and ends it. */
import { parentPort } from 'node:worker_threads';

import { Validator } from '@cfworker/json-schema';

import { schemaErrors } from './schema-errors.ts';
import type { SchemaJob, SchemaVerdict } from './schema-thread.ts';

parentPort?.on('message', ({ schema, value }: SchemaJob) => {
	let verdict: SchemaVerdict;
	try {
		const errors = schemaErrors(new Validator(schema, '2020-12', false), value);
		verdict = errors ?? 'unusable';
	} catch {
		verdict = 'unusable';
	}
	parentPort?.postMessage(verdict);
});
parentPort?.postMessage('ready');
