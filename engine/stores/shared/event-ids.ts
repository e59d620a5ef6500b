import { inputError } from '../../contract/errors.ts';
import type { EventDraft } from '../../contract/event.ts';

export function byTenant(events: readonly EventDraft[]): Map<string, EventDraft[]> {
	const groups = new Map<string, EventDraft[]>();
	for (const event of events) {
		const group = groups.get(event.tenant);
		if (group === undefined) groups.set(event.tenant, [event]);
		else group.push(event);
	}
	return groups;
}

/** `evt_<14 digits>_<5 digits>`: where its commit stands, and its place in it, so that ids sort as text. */
export function eventId(seq: number, index: number): string {
	return `evt_${String(seq).padStart(14, '0')}_${String(index).padStart(5, '0')}`;
}

/** @throws CapError INVALID_REQUEST */
export function parseEventId(id: string): { seq: number; index: number } {
	const [, seq, index] = /^evt_(\d{14})_(\d{5})$/.exec(id) ?? [];
	if (seq === undefined || index === undefined) {
		throw inputError('INVALID_REQUEST', {
			path: 'after',
			expected: 'an event id',
			received: id.slice(0, 40),
		});
	}
	return { seq: Number(seq), index: Number(index) };
}
