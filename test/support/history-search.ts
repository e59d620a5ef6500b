import type { Operation, Seen } from './history.ts';

/*
 * The same question as in history.ts, answered in the plain way: by trying all orders. Far too slow for a history of
 * clients, and good for holding the quick answer against.
 */

type State = Seen | 'absent' | 'deleted';

/** What an operation answers in that state, and the state after it. */
function carryOut(
	operation: Operation,
	state: State,
): { answer: Operation['answer']; after: State } {
	const { kind, mark = 0, expected } = operation;
	if (kind === 'create') {
		const made: Seen = { revision: 1, status: 'active', mark };
		return { answer: made, after: made };
	}
	if (typeof state === 'string') return { answer: 'gone', after: state };
	if (kind === 'read') return { answer: state, after: state };
	if (kind === 'delete') return { answer: 'deleted', after: 'deleted' };
	if (expected !== undefined && expected !== state.revision) {
		return { answer: 'differs', after: state };
	}
	const status = kind === 'pause' ? 'paused' : kind === 'resume' ? 'active' : state.status;
	const changed = kind === 'update' || status !== state.status;
	if (!changed) return { answer: state, after: state };
	const after = {
		revision: state.revision + 1,
		status,
		mark: kind === 'update' ? mark : state.mark,
	};
	return { answer: after, after };
}

const same = (a: Operation['answer'], b: Operation['answer']): boolean =>
	JSON.stringify(a) === JSON.stringify(b);

/** Whether there is an order, true to what ended before what began, in which each answer is right. */
export function linearizable(history: readonly Operation[], state: State = 'absent'): boolean {
	const answered = history.filter(({ to }) => to !== Infinity);
	if (answered.length === 0) return true;
	const firstEnd = Math.min(...answered.map(({ to }) => to));
	return history.some((one) => {
		if (one.from > firstEnd || (one.kind === 'create') !== (state === 'absent')) return false;
		const { answer, after } = carryOut(one, state);
		if (one.to !== Infinity && !same(answer, one.answer)) return false;
		const rest = history.filter((other) => other !== one);
		return linearizable(rest, after);
	});
}

const KINDS = ['update', 'update', 'pause', 'resume', 'read', 'read', 'read', 'delete'] as const;

/** A few operations of clients, as they could have been, or with one answer that is another. */
export function randomHistory(random: () => number): Operation[] {
	const dice = (sides: number): number => Math.floor(random() * sides);
	let state: State = 'absent';
	const operations: Operation[] = [];
	const count = 3 + dice(5);
	for (let n = 0; n < count; n++) {
		const kind = n === 0 ? 'create' : (KINDS[dice(KINDS.length)] ?? 'read');
		const moment = (n + 1) * 10;
		const lost = kind !== 'create' && kind !== 'read' && dice(5) === 0;
		const happened = !lost || dice(2) === 0;
		// Not the same instant twice: ends are odd, beginnings even.
		const from = n === 0 ? moment : Math.max(12, moment - 2 * dice(15));
		const to = lost ? Infinity : n === 0 ? moment + 1 : moment + 1 + 2 * dice(15);
		const operation: Operation = { kind, schedule: 'sch_1', from, to, answer: null };
		if (kind === 'create' || kind === 'update') operation.mark = n + 1;
		if (kind === 'update' && typeof state !== 'string' && dice(3) === 0) {
			operation.expected = Math.max(1, state.revision - dice(2));
		}
		const { answer, after } = carryOut(operation, state);
		if (happened) state = after;
		if (!lost)
			operation.answer = typeof answer === 'object' && answer !== null ? { ...answer } : answer;
		operations.push(operation);
	}
	if (dice(2) === 0) spoil(operations, random);
	return operations;
}

function spoil(operations: readonly Operation[], random: () => number): void {
	const dice = (sides: number): number => Math.floor(random() * sides);
	const one = operations[1 + dice(operations.length - 1)];
	const other = operations[dice(operations.length)];
	if (one === undefined || one.answer === null || one.kind === 'create') return;
	if (dice(4) === 0 && one.kind !== 'delete') one.answer = 'gone';
	else if (typeof one.answer !== 'object') return;
	else if (dice(2) === 0 && typeof other?.answer === 'object' && other.answer !== null) {
		one.answer = { ...other.answer };
	} else one.answer = { ...one.answer, revision: one.answer.revision + 1 - dice(3) };
}
