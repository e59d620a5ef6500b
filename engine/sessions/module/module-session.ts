import { pathToFileURL } from 'node:url';
import { z } from 'zod';

import { systemClock } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { SessionAdapter, SessionCall, SessionOutcome } from '../session.port.ts';
import { failedWith } from '../shared/failure.ts';
import { TimeLimit } from '../shared/time-limit.ts';
import { runModule } from './module-run.ts';
import { WorkerPool } from './worker-pool.ts';

export interface ModuleSessionParts {
	/** The operator's names and the absolute paths of the modules they stand for. */
	modules: Readonly<Record<string, string>>;
	/** Default the system's. */
	clock?: Clock;
	/** Modules that run at the same time; default 4. */
	threads?: number;
	/** Memory of each, megabytes; default 256. */
	memory?: number;
}

const moduleSettingsSchema = z.strictObject({
	/** A name from the operator's configuration. Never a path. */
	module: z.string().min(1).max(200),
});
type ModuleSettings = z.output<typeof moduleSettingsSchema>;

/** Capabilities that are a module on the engine's machine, run in a thread with limits on time and memory. */
export function createModuleSession(parts: ModuleSessionParts): SessionAdapter {
	const { clock = systemClock } = parts;
	const paths = new Map(Object.entries(parts.modules));
	const pool = new WorkerPool({ most: parts.threads ?? 4, memory: parts.memory ?? 256 });

	/** @throws CapError MODULE_UNKNOWN */
	function locate({ module }: ModuleSettings): string {
		const path = paths.get(module);
		if (path !== undefined) return pathToFileURL(path).href;
		throw inputError('MODULE_UNKNOWN', {
			path: 'binding.module',
			expected: 'a name from the configuration of the engine',
			received: JSON.stringify(module),
		});
	}

	async function invoke(call: SessionCall): Promise<SessionOutcome> {
		const { requestId, attempt, deadline, action, capability, parameters } = call.envelope;
		const limit = new TimeLimit(call, clock);
		try {
			const work = {
				module: locate(call.settings as ModuleSettings),
				action,
				parameters,
				context: { runId: requestId, attempt, deadline, action, capability },
			};
			return await runModule(call, work, {
				pool,
				limit,
				after: (delay, then) => clock.after(delay, then),
			});
		} catch (error) {
			limit.release();
			if (error instanceof CapError) return failedWith(error);
			throw error;
		}
	}

	return {
		type: 'module',
		title: 'Local module',
		abilities: { async: false, streaming: true },
		settings: moduleSettingsSchema,
		secrets: [],
		async check(settings) {
			locate(settings as ModuleSettings);
		},
		invoke,
		close: () => pool.close(),
	};
}
