import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Alert, AlertGroup, Verdict } from '../../../../engine/core/delivery/alerts.ts';
import {
	alertMessage,
	judged,
	newGroup,
	raised,
	taken,
	tellAt,
} from '../../../../engine/core/delivery/alerts.ts';

const alertOf = (changes: Partial<Alert> = {}): Alert => ({
	kind: 'delivery_dead',
	id: 'dlv_1',
	at: 1000,
	words: 'delivery dlv_1: TIMEOUT',
	scheduleId: null,
	runId: 'run_1',
	...changes,
});
const TOLD = { id: 'ntf_1', at: 5000, tenant: 'default' };

describe('a group of alerts', () => {
	it('tells an outage of ten thousand deliveries in a message and a count every quarter of an hour', () => {
		let group = newGroup('crm');
		let told = 0;
		let counted = 0;
		for (let i = 0; i < 10_000; i++) {
			const at = i * 100;
			group = raised(group, alertOf({ id: `dlv_${i}`, at }));
			const due = group.toldAt === null ? 5000 : group.toldAt + 900_000;
			if (at < due) continue;
			group = taken(group, { ...TOLD, at });
			const { data } = JSON.parse(group.sending!.body) as {
				data: { counts: Record<string, number> };
			};
			counted += data.counts['delivery_dead']!;
			group = { ...group, sending: null, toldAt: at };
			told++;
		}
		expect(told).toBe(2);
		expect(counted + (group.counts.delivery_dead ?? 0)).toBe(10_000);
	});

	it('counts each thing once, however often it is raised, and loses none', () => {
		const alerts = fc.array(fc.record({ id: fc.nat(40), take: fc.boolean() }), { maxLength: 200 });
		fc.assert(
			fc.property(alerts, (steps) => {
				let group: AlertGroup = newGroup('crm');
				let told = 0;
				for (const { id, take } of steps) {
					group = raised(group, alertOf({ id: `${id}` }));
					if (!take || tellAt(group, 0) === null) continue;
					told += group.counts.delivery_dead ?? 0;
					group = { ...taken(group, TOLD), sending: null, toldAt: 0 };
				}
				const all = new Set(steps.map(({ id }) => id)).size;
				expect(told + (group.counts.delivery_dead ?? 0)).toBe(all);
			}),
		);
	});

	it('tells of each end that was written, once, and of no other', () => {
		const step = fc.record({
			id: fc.nat(8),
			epoch: fc.nat(4),
			verdict: fc.constantFrom<Verdict>('written', 'open', 'other'),
			tell: fc.boolean(),
		});
		fc.assert(
			fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
				const verdicts = new Map<string, Verdict>();
				const told = new Map<string, number>();
				let group: AlertGroup = newGroup('crm');
				let count = 0;
				const tell = (): void => {
					const asked = (group.claims ?? []).map(({ id, epoch }) =>
						verdicts.get(`${id}/${epoch}`)!,
					);
					const { group: rest, open } = judged(group, asked);
					const before = new Set(rest.claims!.map(({ id }) => id));
					const after = new Set(open.map(({ id }) => id));
					for (const id of before) if (!after.has(id)) told.set(id, (told.get(id) ?? 0) + 1);
					group = taken(rest, { ...TOLD, open });
					if (group.sending === null) return;
					const { data } = JSON.parse(group.sending.body) as {
						data: { counts: Record<string, number> };
					};
					count += data.counts['delivery_dead']!;
					group = { ...group, sending: null };
				};
				for (const { id, epoch, verdict, tell: now } of steps) {
					const key = `${id}/${epoch}`;
					// what was written stays so, and nothing is written after what ended
					if (verdicts.get(key) !== 'written') verdicts.set(key, verdict);
					group = raised(group, alertOf({ id: `${id}`, claim: { epoch, endedAt: epoch } }));
					if (now && tellAt(group, 0) !== null) tell();
				}
				if (tellAt(group, 0) !== null) tell();
				for (const times of told.values()) expect(times).toBe(1);
				expect(count).toBe(told.size);
				for (const id of told.keys()) {
					const ends = [0, 1, 2, 3, 4].map((epoch) => verdicts.get(`${id}/${epoch}`));
					expect(ends).toContain('written');
				}
			}),
		);
	});

	it('is told after a moment, then once in a quarter of an hour, and at once when it is over', () => {
		const one = raised(newGroup('crm'), alertOf());
		expect(tellAt(newGroup('crm'), 1000)).toBeNull();
		expect(tellAt(one, 1000)).toBe(6000);
		expect(tellAt({ ...one, toldAt: 2000 }, 3000)).toBe(902_000);
		const over = raised({ ...one, toldAt: 2000 }, alertOf({ kind: 'recovered' }));
		expect(tellAt(over, 3000)).toBe(8000);
	});

	it('that nobody was told of does not tell that it is over', () => {
		const group = newGroup('crm');
		expect(raised(group, alertOf({ kind: 'recovered' }))).toBe(group);
	});

	it('says what happened in a line, and shows some of it', () => {
		let group = newGroup('crm\u0000\n');
		for (let i = 0; i < 9; i++) group = raised(group, alertOf({ id: `${i}` }));
		group = raised(group, alertOf({ kind: 'circuit_open', id: 'c' }));
		const message = alertMessage(taken(group, TOLD).sending!.body);
		expect(message).toMatchObject({
			title: 'crm : it is not tried for a while, 9 deliveries were given up',
			tone: 'bad',
		});
		expect(message.facts).toHaveLength(5);
	});
});
