import type { Instant } from '../../contract/time.ts';
import type { DoctorStore, Repair } from '../doctor.port.ts';
import type { Store } from '../store.port.ts';

/** One thing that a store can mend while engines work on it. */
export interface Mending extends Omit<Repair, 'count'> {
	/** @returns how many were mended */
	mend: (now: Instant) => Promise<number>;
}

/** How many timers are set in one commit. */
const HEALED = 2_000;

/** What is kept beside the rows and follows from them, by the findings that say that it is wrong. */
const REBUILT: Readonly<Record<string, string>> = {
	COUNT_WRONG: 'counts were made anew from the rows',
	BLOB_COUNT: 'counts of references to bytes were made anew',
	RUN_GATE_SHUT: 'who may have which key was worked out anew',
};

/** The order in which every store mends: rows first, then what follows from rows. */
export function createRepair(parts: {
	doctor: DoctorStore['doctor'];
	healTimers: Store['healTimers'];
	rebuild: () => Promise<void>;
	mendings: readonly Mending[];
	/** What comes last: bytes that nothing refers to, now that references are right. */
	bytes: Mending;
}): Pick<DoctorStore, 'repair'> {
	const { rebuild, mendings, bytes } = parts;

	async function setTimers(): Promise<number> {
		for (let total = 0; ;) {
			const healed = await parts.healTimers(HEALED);
			total += healed;
			if (healed < HEALED) return total;
		}
	}

	return {
		async repair(now, beside) {
			const all: Repair[] = [];
			for (const { code, message, mend } of mendings) {
				all.push({ code, message, count: await mend(now) });
			}
			all.push({
				code: 'HEALED',
				message: 'timers that were missing were set, and what a crash had left half done was done',
				count: await setTimers(),
			});
			const wrong = (await parts.doctor(now)).filter(({ code }) => code in REBUILT);
			if (beside === 'nobody' && wrong.length > 0) {
				await rebuild();
				all.push(
					...wrong.map(({ code, count }) => ({ code, message: REBUILT[code] ?? code, count })),
				);
			}
			all.push({ code: bytes.code, message: bytes.message, count: await bytes.mend(now) });
			return all.filter(({ count }) => count > 0);
		},
	};
}
