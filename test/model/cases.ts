import type { Sizes } from './world.ts';

/** What `npm test` explores: each of the protocol's parts, in the smallest size that shows all of it. */
export const CASES: Readonly<Record<string, Sizes>> = {
	'three attempts, two engines': {
		...{ engines: 2, occurrences: [1], mode: 'sync', faults: 1, acts: 1, apart: [] },
		policies: { attempts: 3 },
	},
	'two faults': {
		...{ engines: 2, occurrences: [1], mode: 'sync', faults: 2, acts: 0, apart: [] },
	},
	'three engines': {
		...{ engines: 3, occurrences: [1], mode: 'sync', faults: 1, acts: 1, apart: [] },
	},
	'upkeep that acts on what it read before': {
		...{ engines: 2, occurrences: [1], mode: 'sync', faults: 1, acts: 1, apart: ['sweep'] },
	},
	'calls and cancels that act on what they read before': {
		...{ engines: 2, occurrences: [1], mode: 'async', faults: 0, acts: 1, apart: ['api'] },
	},
	callbacks: {
		...{ engines: 2, occurrences: [1], mode: 'async', faults: 1, acts: 0, apart: [] },
	},
	heartbeats: {
		...{ engines: 2, occurrences: [1], mode: 'async', faults: 0, acts: 0, apart: ['sweep', 'api'] },
		policies: { heartbeat: true },
	},
	'onUnknown: manual': {
		...{ engines: 2, occurrences: [1], mode: 'sync', faults: 1, acts: 1, apart: [] },
		policies: { onUnknown: 'manual' },
	},
	'onUnknown: fail': {
		...{ engines: 2, occurrences: [1], mode: 'sync', faults: 1, acts: 1, apart: ['sweep'] },
		policies: { onUnknown: 'fail' },
	},
	'overlap: skip, two occurrences': {
		...{ engines: 2, occurrences: [1, 2], mode: 'sync', faults: 0, acts: 0, apart: ['occur'] },
		policies: { attempts: 1 },
	},
	'overlap: buffer_all, two occurrences': {
		...{ engines: 2, occurrences: [1, 2], mode: 'sync', faults: 1, acts: 0, apart: [] },
		policies: { overlap: 'buffer_all', attempts: 1 },
	},
	'overlap: cancel_other, two occurrences': {
		...{ engines: 2, occurrences: [1, 2], mode: 'sync', faults: 1, acts: 0, apart: [] },
		policies: { overlap: 'cancel_other', attempts: 1 },
	},
};

/** More of it: half a minute of a processor that has nothing else to do. */
export const LARGE_CASES: Readonly<Record<string, Sizes>> = {
	'three attempts, two faults': {
		...{ engines: 2, occurrences: [1], mode: 'sync', faults: 2, acts: 1, apart: [] },
		policies: { attempts: 3 },
	},
	'three engines, three attempts': {
		...{ engines: 3, occurrences: [1], mode: 'sync', faults: 1, acts: 1, apart: [] },
		policies: { attempts: 3 },
	},
	'everything acts on what it read before': {
		...{
			engines: 2,
			occurrences: [1],
			mode: 'sync',
			faults: 1,
			acts: 1,
			apart: ['occur', 'sweep', 'api'],
		},
	},
	'callbacks, a fault and a cancel': {
		...{ engines: 2, occurrences: [1], mode: 'async', faults: 1, acts: 1, apart: ['api'] },
	},
	'heartbeats and a fault': {
		...{ engines: 2, occurrences: [1], mode: 'async', faults: 1, acts: 0, apart: ['sweep', 'api'] },
		policies: { heartbeat: true },
	},
	'onUnknown: manual, two acts': {
		...{ engines: 2, occurrences: [1], mode: 'sync', faults: 1, acts: 2, apart: ['sweep'] },
		policies: { onUnknown: 'manual' },
	},
	'overlap: skip, two occurrences, a fault': {
		...{ engines: 2, occurrences: [1, 2], mode: 'sync', faults: 1, acts: 0, apart: ['occur'] },
		policies: { attempts: 1 },
	},
	'overlap: cancel_other, two attempts': {
		...{ engines: 2, occurrences: [1, 2], mode: 'sync', faults: 1, acts: 0, apart: [] },
		policies: { overlap: 'cancel_other' },
	},
};
