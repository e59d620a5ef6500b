import type { JsonObject } from '../contract/json.ts';
import { TERMINAL_RUN_STATES } from '../contract/run.ts';
import type { Call } from './arguments.ts';
import { segment } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { sayRun } from './run-show.ts';
import { printable, progress, sayJson } from './terminal.ts';

const LOOK_EVERY = 250;

/**
 * Shows a run that was just made; with `wait` (milliseconds) only once it has ended.
 * @throws CliError with exit 1 when it ended badly or has not ended by then
 */
export async function watchRun(call: Call<object>, made: JsonObject, wait?: number): Promise<void> {
	const { api, json } = call;
	const id = printable(made['id']);
	let run = made;
	if (wait !== undefined) {
		const until = performance.now() + wait;
		const end = progress(() => `${id} is ${printable(run['state'])}`);
		try {
			while (!isOver(run) && performance.now() < until) {
				await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
				run = await api.call('GET', `/v1/runs/${segment(id)}`);
			}
		} finally {
			end();
		}
	}
	if (json) sayJson(run);
	else sayRun(run);
	if (wait === undefined || run['state'] === 'succeeded') return;
	const late = !isOver(run);
	throw new CliError(
		EXIT.failed,
		late ? `${id} has not ended in time` : `${id} ${printable(run['state'])}`,
		{
			hint: `capscheduler runs show ${id}`,
		},
	);
}

export function isOver(run: JsonObject): boolean {
	return TERMINAL_RUN_STATES.some((state) => state === run['state']);
}
