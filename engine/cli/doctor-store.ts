import { readdirSync } from 'node:fs';

import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { CapError } from '../contract/errors.ts';
import { createEngine } from '../main.ts';
import type { Check } from './doctor-check.ts';

/** Findings of the store where no engine holds it; else what the running engine says of itself. */
export async function checkStore(config: Config): Promise<Check[]> {
	if (config.store.kind === 'sqlite' && !isUsed(config.dataDir)) return [];
	const { context } = await createEngine({ ...config, log: { ...config.log, level: 'silent' } });
	const { store } = context;
	try {
		await store.open();
	} catch (error) {
		if (!(error instanceof CapError)) throw error;
		if (error.message.includes('in use')) {
			return [{ name: 'lock', status: 'ok', message: error.message }, await checkRunning(config)];
		}
		return [{ name: 'store', status: 'problem', message: error.message }];
	}
	try {
		const findings = await store.doctor(systemClock.now());
		const { schedules, runs } = await store.counts();
		const summary = `${total(schedules)} schedules, ${total(runs)} runs`;
		return [
			...(store.exclusive
				? [{ name: 'lock', status: 'ok', message: 'free; no engine runs on this folder' } as const]
				: []),
			{ name: 'store', status: 'ok', message: `opened; ${summary}` },
			...findings.map(({ severity, code, message, count }): Check => {
				return { name: code, status: severity, message: `${count}: ${message}` };
			}),
		];
	} finally {
		await store.close();
	}
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
