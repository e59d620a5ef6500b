import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { demand, startBed } from '../support/engine.ts';

/*
 * P5: all engines are down for hours (of a clock that the test moves), and what passed becomes what the policy
 * says. The list of instants is counted here, the ledger is compared with it.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DOWN = 5 * HOUR + 20_000;

let server: CapabilityServer;
let bed: Bed;
const ids: Record<string, string> = {};
let anchor: number;

const POLICIES: Record<string, object> = {
	latest: { catchUp: { mode: 'latest' } },
	all: { catchUp: { mode: 'all' } },
	none: { catchUp: { mode: 'none' } },
	window: { catchUp: { mode: 'all', window: '1h' } },
};

beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await bed.register('rows', server.json('/rows', [{ id: 1 }]));
	anchor = bed.clock.now();
	for (const [name, policies] of Object.entries(POLICIES)) {
		const { scheduleId } = await bed.schedule('rows', { timing: { every: '10m' }, policies });
		ids[name] = scheduleId;
	}
	const limited = { timing: { every: '10m', limit: 3 }, policies: POLICIES['all'] };
	ids['limited'] = (await bed.schedule('rows', limited)).scheduleId;
	const seconds = { timing: { every: '5s' }, policies: { ...POLICIES['latest'], overlap: 'skip' } };
	ids['seconds'] = (await bed.schedule('rows', seconds)).scheduleId;
	await bed.restart(DOWN);
	await bed.until(async () => {
		const { runs, schedules } = await bed.engine.context.store.counts();
		const open = (runs.queued ?? 0) + (runs.running ?? 0);
		const next = await Promise.all(
			Object.values(ids).map(
				async (id) => (await bed.admin.get(`/v1/schedules/${id}`)).body.nextOccurrenceAt,
			),
		);
		return (
			open === 0 &&
			(schedules.completed ?? 0) === 1 &&
			next.every((at) => at === null || Date.parse(at) > bed.clock.now())
		);
	});
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

async function ledgerOf(name: string): Promise<Body[]> {
	const items: Body[] = [];
	let cursor = '';
	do {
		const path = `/v1/schedules/${ids[name]}/occurrences?outcome=decided&limit=200${cursor}`;
		const { body } = demand(await bed.admin.get(path), 200);
		items.push(...body.items);
		cursor = body.nextCursor === null ? '' : `&cursor=${encodeURIComponent(body.nextCursor)}`;
	} while (cursor !== '');
	return items;
}

/** Every instant that passed, with what became of it. */
async function expectLedger(
	name: string,
	every: number,
	outcomeOf: (n: number, of: number) => string,
): Promise<void> {
	const of = Math.floor(DOWN / every);
	const ledger = await ledgerOf(name);
	expect(ledger.map(({ nominalAt, outcome }) => [Date.parse(nominalAt), outcome])).toEqual(
		Array.from({ length: of }, (_, n) => [anchor + (n + 1) * every, outcomeOf(n + 1, of)]),
	);
}

const windowsOf = async (name: string): Promise<Body[]> => {
	const { body } = await bed.admin.get(`/v1/runs?scheduleId=${ids[name]}&limit=200`);
	return body.items.map((run: Body) => [
		run.windowStart && Date.parse(run.windowStart),
		Date.parse(run.nominalAt),
	]);
};

describe('after hours without an engine', () => {
	it('latest: the last instant fires for all before it, over one window', async () => {
		await expectLedger('latest', 10 * MINUTE, (n, of) => (n === of ? 'fired' : 'coalesced'));
		expect(await windowsOf('latest')).toEqual([[null, anchor + 30 * 10 * MINUTE]]);
	});

	it('all: every instant fires, in order, one after another', async () => {
		await expectLedger('all', 10 * MINUTE, () => 'fired');
		const { body } = await bed.admin.get(`/v1/runs?scheduleId=${ids['all']}&limit=200`);
		const nominal = server.received
			.map((request) => JSON.parse(request.body).schedule)
			.filter(({ id }: Body) => id === ids['all'])
			.map(({ nominalAt }: Body) => nominalAt as string);
		expect(nominal).toHaveLength(30);
		expect(nominal).toEqual([...nominal].sort());
		expect(new Set(body.items.map((run: Body) => `${run.state} ${run.trigger}`))).toEqual(
			new Set(['succeeded catch_up']),
		);
	});

	it('none: what is late is missed, and makes no run', async () => {
		await expectLedger('none', 10 * MINUTE, () => 'missed');
		expect(await windowsOf('none')).toEqual([]);
	});

	it('window: what is older is missed', async () => {
		// 20 seconds past the hour: the instant of exactly one hour ago is older than an hour.
		await expectLedger('window', 10 * MINUTE, (n, of) => (n > of - 6 ? 'fired' : 'missed'));
	});

	it('limit: no more runs than that', async () => {
		const ledger = await ledgerOf('limited');
		expect(ledger.map(({ outcome }) => outcome)).toEqual(['fired', 'fired', 'fired']);
		const { body } = await bed.admin.get(`/v1/schedules/${ids['limited']}`);
		expect(body).toMatchObject({ status: 'completed', runsMade: 3 });
	});

	it('latest over 3,604 instants, written in several passes: one run, one window without a gap', async () => {
		await expectLedger('seconds', 5000, (n, of) => (n === of ? 'fired' : 'coalesced'));
		expect(await windowsOf('seconds')).toEqual([[null, anchor + DOWN]]);
	});
});
