import { loadConfig } from '../config.ts';
import { claimKeys, settleKeys } from '../pipeline/standing.ts';
import { loadKeys } from '../security/key-file.ts';
import { fingerprintsOf } from '../security/keys.ts';
import { createSealing } from '../security/sealing.ts';
import { rewrapAll } from '../transfer/rewrap.ts';
import type { Globals } from './arguments.ts';
import { CliError, EXIT } from './exit.ts';
import { demandFolder, livingEngines, namedStore, openSide } from './sides.ts';
import { note, progress, say, sayJson } from './terminal.ts';

/**
 * Puts every secret of the store under the first of CAPSCHEDULER_KEYS. When no engine runs, the store forgets the keys
 * before it; else one of them may be sealing with such a key just now.
 */
export async function rewrapSecrets({ json }: Globals): Promise<void> {
	const config = loadConfig();
	const named = namedStore(config.store, config.dataDir);
	if (named.setting.kind === 'sqlite') demandFolder(named.folder);
	const keys = await loadKeys(config);
	const ring = fingerprintsOf(keys);
	const sealing = createSealing({ keys });
	const side = await openSide(named);
	const end = progress(() => `sealing secrets with the key ${ring.active}`);
	try {
		await claimKeys(side, ring);
		const alone = (await livingEngines(side)) === 0;
		const rewrap = (sealed: string): string => sealing.rewrap(sealed);
		const report = await rewrapAll(side.store, rewrap, alone ? 'nobody' : 'engines');
		if (report.left > 0) {
			throw new CliError(EXIT.failed, `${report.left} records were changed at the same moment`, {
				hint: 'Give the command again.',
			});
		}
		if (alone) await settleKeys(side.store, ring);
		end();
		tell({ ...report, active: ring.active, forgotten: alone }, json === true);
	} finally {
		end();
		await side.close();
	}
}

function tell(
	report: { rewrapped: number; active: string; forgotten: boolean },
	json: boolean,
): void {
	if (json) {
		sayJson(report);
		return;
	}
	const { rewrapped, active, forgotten } = report;
	say(`${rewrapped} records were sealed anew with the key "${active}"; all secrets hang on it now`);
	note(
		forgotten
			? 'Other keys can go from CAPSCHEDULER_KEYS, but for the last one: the API keys hang on that.'
			: 'Engines run, and may seal with another key until they are started anew: keep the others until ' +
					'this was given once more while none runs.',
	);
}
