import { readdirSync } from 'node:fs';

import type { Config } from '../config.ts';
import { CapError } from '../contract/errors.ts';
import { createEngine } from '../main.ts';
import type { Context } from '../pipeline/context.ts';
import type { Check } from './doctor-check.ts';
import { livingEngines } from './sides.ts';

/** Findings of the store where no engine holds it; else what the running engine says of itself. */
export async function checkStore(config: Config, repair: boolean): Promise<Check[]> {
	if (config.store.kind === 'sqlite' && !isUsed(config.dataDir)) return [];
	const { context } = await createEngine({ ...config, log: { ...config.log, level: 'silent' } });
	const { store } = context;
	try {
		await store.open();
	} catch (error) {
		if (!(error instanceof CapError)) throw error;
		if (error.message.includes('in use')) {
			return [
				{ name: 'lock', status: 'ok', message: error.message },
				await checkRunning(config),
				...(repair ? [NOT_WHILE_IT_RUNS] : []),
			];
		}
		return [{ name: 'store', status: 'problem', message: error.message }];
	}
	try {
		const mended = repair ? await mend(context) : [];
		const findings = await store.doctor(context.clock.now());
		const { schedules, runs } = await store.counts();
		const summary = `${total(schedules)} schedules, ${total(runs)} runs`;
		return [
			...(store.exclusive
				? [{ name: 'lock', status: 'ok', message: 'free; no engine runs on this folder' } as const]
				: []),
			{ name: 'store', status: 'ok', message: `opened; ${summary}` },
			...mended,
			...findings.map(({ severity, code, message, count }): Check => {
				return { name: code, status: severity, message: `${count}: ${message}` };
			}),
		];
	} finally {
		await store.close();
	}
}

const NOT_WHILE_IT_RUNS: Check = {
	name: 'repair',
	status: 'problem',
	message: 'an engine has this store to itself: nothing was repaired',
	mend: 'Stop the engine first.',
};

/** What was mended, or that there was nothing to mend. */
async function mend({ store, clock }: Pick<Context, 'store' | 'clock'>): Promise<Check[]> {
	const engines = await livingEngines({ store, clock });
	const repairs = await store.repair(clock.now(), engines === 0 ? 'nobody' : 'engines');
	const mended = repairs.map(({ code, message, count }): Check => {
		return { name: code, status: 'mended', message: `${count}: ${message}` };
	});
	if (engines > 0) {
		const working = engines === 1 ? 'an engine works' : `${engines} engines work`;
		const message = `${working} on the store: counts and keys of runs were left alone`;
		mended.push({ name: 'repair', status: 'notice', message });
	}
	if (repairs.length > 0) return mended;
	return [{ name: 'repair', status: 'ok', message: 'nothing to mend' }, ...mended];
}

const total = (counts: Readonly<Record<string, number>>): number =>
	Object.values(counts).reduce((sum, count) => sum + count, 0);

/** A folder that an engine has used: looking must not make one. */
function isUsed(folder: string): boolean {
	try {
		return readdirSync(folder).length > 0;
	} catch {
		return false;
	}
}

const PATIENCE = 3000;

async function checkRunning({ host, port, publicUrl }: Config): Promise<Check> {
	const url = publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
	try {
		const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PATIENCE) });
		const { ready, reasons } = (await response.json()) as { ready: boolean; reasons: string[] };
		if (ready)
			return {
				name: 'engine',
				status: 'ok',
				message: `ready at ${url}; stop it to look into its store`,
			};
		return { name: 'engine', status: 'problem', message: `not ready: ${reasons.join(', ')}` };
	} catch {
		return {
			name: 'engine',
			status: 'notice',
			message: `an engine holds the data folder, but none answers at ${url}`,
			mend: 'It may listen elsewhere (another CAPSCHEDULER_PORT). If it hangs, end it by the pid above.',
		};
	}
}
