/*
 * What many clients did to schedules and read of them, and whether one schedule after another could have been so: a
 * schedule is one register whose versions are its revisions. Nothing of the engine is in here.
 *
 * Since every answer names the revision, the order of the versions is known, and what in general is a search (is there
 * an order of the operations that fits?) is a few comparisons: an operation that begins after another has ended sees
 * that one's version or a later one, each version has one write that made it, and each read shows what it made.
 */

/** What is seen of a schedule. `mark` is what the write of a client left in it: its own for each write. */
export interface Seen {
	revision: number;
	status: string;
	mark: number;
}

/** Instants are of one clock, in milliseconds. */
export interface Operation {
	kind: 'create' | 'update' | 'pause' | 'resume' | 'delete' | 'read';
	schedule: string;
	from: number;
	/** When it was answered; infinite when it was not: then it may have been done, or be done at any time after `from`. */
	to: number;
	/** Of `create` and `update`: what it writes. */
	mark?: number;
	/** If-Match. */
	expected?: number;
	/** `gone`: it is not there (any more); `differs`: refused, since it is not the revision that was demanded. */
	answer: Seen | 'deleted' | 'gone' | 'differs' | null;
	/** For people: who asked whom. */
	by?: string;
}

export type Fault =
	| 'lost_update'
	| 'stale_read'
	| 'resurrected'
	| 'vanished'
	| 'two_states'
	| 'from_nowhere'
	| 'before_its_time'
	| 'refused_in_vain'
	| 'deleted_twice';

export interface Violation {
	fault: Fault;
	schedule: string;
	/** Those that contradict each other. */
	operations: Operation[];
}

/** Everything in the history that no single register could have done. Empty: each schedule was linearizable. */
export function violationsOf(history: readonly Operation[]): Violation[] {
	const bySchedule = Map.groupBy(history, ({ schedule }) => schedule);
	return [...bySchedule.values()].flatMap((operations) => [
		...contradictions(operations),
		...wrongWrites(operations),
		...wrongOrder(operations),
		...tooEarly(operations),
		...refusedInVain(operations),
		...wrongEnd(operations),
	]);
}

type WithAnswer = Operation & { answer: Seen };

const seenIn = (operation: Operation): operation is WithAnswer =>
	typeof operation.answer === 'object' && operation.answer !== null;

const isGone = ({ answer }: Operation): boolean => answer === 'gone' || answer === 'deleted';

const writes = ({ kind }: Operation): boolean => kind !== 'read';

function violation(
	fault: Fault,
	first: Operation,
	...others: (Operation | undefined)[]
): Violation {
	const operations = [first, ...others.flatMap((one) => one ?? [])];
	return { fault, schedule: first.schedule, operations };
}

/** One revision is one state, whoever reads it. */
function contradictions(operations: readonly Operation[]): Violation[] {
	const first = new Map<number, WithAnswer>();
	return operations.filter(seenIn).flatMap((operation) => {
		const { revision, status, mark } = operation.answer;
		const before = first.get(revision);
		if (before === undefined) {
			first.set(revision, operation);
			return [];
		}
		const same = before.answer.status === status && before.answer.mark === mark;
		return same ? [] : [violation('two_states', before, operation)];
	});
}

/** Each version was made by one write, out of the version before it. */
function wrongWrites(operations: readonly Operation[]): Violation[] {
	const found: Violation[] = [];
	const writers = new Map<number, WithAnswer>();
	for (const one of operations.filter(seenIn)) {
		const { revision, status, mark } = one.answer;
		const undone =
			(one.kind === 'pause' && status !== 'paused') ||
			(one.kind === 'resume' && status !== 'active') ||
			(one.mark !== undefined && one.mark !== mark) ||
			(one.expected !== undefined && revision !== one.expected + 1);
		if (undone) found.push(violation('lost_update', one));
		if (one.mark === undefined) continue;
		const other = writers.get(revision);
		if (other !== undefined) found.push(violation('lost_update', other, one));
		writers.set(revision, one);
	}
	return found.length > 0 ? found : unexplained(operations, writers);
}

/** What versions must be made of: what is seen of each, and until when each was there. */
interface Versions {
	known: ReadonlyMap<number, WithAnswer>;
	/** The updates that were answered, by the version that they made. */
	writers: ReadonlyMap<number, WithAnswer>;
	/** The earliest end of what has seen the version or a later one: who made it began before. */
	before: (revision: number) => number;
	switches: readonly WithAnswer[];
}

/** Versions that no write can have made, by trying those without an answer in the gaps. */
function unexplained(
	operations: readonly Operation[],
	writers: ReadonlyMap<number, WithAnswer>,
): Violation[] {
	const seen = operations.filter(seenIn);
	const known = new Map(seen.map((one) => [one.answer.revision, one]));
	const last = Math.max(0, ...known.keys());
	const ends: number[] = [];
	for (let revision = last, end = Infinity; revision > 0; revision--) {
		for (const { answer, to } of seen) if (answer.revision === revision) end = Math.min(end, to);
		ends[revision] = end;
	}
	const versions: Versions = {
		known,
		writers,
		before: (revision) => ends[revision] ?? Infinity,
		switches: seen.filter(({ kind }) => kind === 'pause' || kind === 'resume'),
	};
	const open = operations.filter(({ kind, to }) => {
		return to === Infinity && kind !== 'delete' && kind !== 'read';
	});
	let state = writers.get(1)?.answer ?? null;
	// Between two versions that are known, and whose makers are known, nothing is to be tried.
	let unused: readonly Operation[] = open;
	for (let from = 1; from < last;) {
		let to = from + 1;
		while (!known.has(to)) to++;
		const left: readonly Operation[] | null =
			state === null ? null : explain(versions, { state, to }, unused);
		const here = known.get(to);
		if (left === null && here !== undefined) {
			return [violation('from_nowhere', here, known.get(from))];
		}
		unused = left ?? unused;
		state = here?.answer ?? null;
		from = to;
	}
	return [];
}

/** @returns the writes without an answer that are left when the version `to` came out of `state`; null: it cannot have */
function explain(
	versions: Versions,
	step: { state: Seen; to: number },
	unused: readonly Operation[],
): readonly Operation[] | null {
	const { state, to } = step;
	if (state.revision === to) return unused;
	const revision = state.revision + 1;
	const wanted = versions.known.get(revision)?.answer;
	const writer = versions.writers.get(revision);
	const flipped = state.status === 'active' ? 'pause' : 'resume';
	const turned: Seen = { ...state, revision, status: flipped === 'pause' ? 'paused' : 'active' };
	const began = ({ from }: Operation): boolean => from < versions.before(revision);
	const answered = versions.switches.some(
		(one) => one.kind === flipped && one.answer.revision === revision && began(one),
	);
	const makers: { after: Seen; used: Operation | null }[] = [];
	if (writer !== undefined) {
		makers.push({ after: { ...state, revision, mark: writer.mark ?? 0 }, used: null });
	} else {
		if (answered) makers.push({ after: turned, used: null });
		const turn = unused.find((one) => one.kind === flipped && began(one));
		if (turn !== undefined && !answered) makers.push({ after: turned, used: turn });
		for (const one of unused.filter(began)) {
			if (one.mark === undefined || (one.expected ?? revision - 1) !== revision - 1) continue;
			makers.push({ after: { ...state, revision, mark: one.mark }, used: one });
		}
	}
	for (const { after, used } of makers) {
		if (wanted !== undefined && (wanted.mark !== after.mark || wanted.status !== after.status)) {
			continue;
		}
		const left = unused.filter((one) => one !== used);
		const rest = explain(versions, { state: after, to }, left);
		if (rest !== null) return rest;
	}
	return null;
}

/** What begins after an answer sees what was answered, or something later. */
function wrongOrder(operations: readonly Operation[]): Violation[] {
	const found: Violation[] = [];
	const answered = operations.filter(({ answer }) => answer !== null);
	const telling = answered.filter((one) => one.answer !== 'differs' || demandsOld(one, operations));
	const byEnd = telling.sort((a, b) => a.to - b.to);
	const byStart = [...answered].sort((a, b) => a.from - b.from);
	let next = 0;
	let newest: Operation | undefined;
	for (const one of byStart) {
		for (; next < byEnd.length && byEnd[next]!.to < one.from; next++) {
			const ended = byEnd[next]!;
			if (newest === undefined || versionOf(ended) > versionOf(newest)) newest = ended;
		}
		if (newest === undefined) continue;
		const [before, now] = [versionOf(newest), versionOf(one)];
		if (one.answer === 'differs') {
			if (before === Infinity) found.push(violation('resurrected', newest, one));
		} else if (now < before) {
			const read = one.kind === 'read' ? 'stale_read' : 'lost_update';
			found.push(violation(before === Infinity ? 'resurrected' : read, newest, one));
		} else if (now === before && seenIn(one) && one.mark !== undefined) {
			found.push(violation('lost_update', newest, one));
		}
	}
	return found;
}

/** The version that was seen; a refusal tells of the first that differs from the one demanded. */
function versionOf({ answer, expected = 0 }: Operation): number {
	if (answer === 'differs') return expected + 1;
	return typeof answer === 'object' && answer !== null ? answer.revision : Infinity;
}

/** Whether what was demanded had been there before, so that only something later can differ from it. */
function demandsOld({ from, expected = 0 }: Operation, operations: readonly Operation[]): boolean {
	return operations.some((other) => {
		return seenIn(other) && other.to < from && other.answer.revision >= expected;
	});
}

/** Nobody sees what nobody has asked for yet. */
function tooEarly(operations: readonly Operation[]): Violation[] {
	return operations.filter(seenIn).flatMap((one) => {
		const { mark } = one.answer;
		const writer = operations.find((other) => other.mark === mark);
		const refused = writer?.answer === 'gone' || writer?.answer === 'differs';
		if (writer === undefined || refused) return [violation('from_nowhere', one, writer)];
		return one.to < writer.from ? [violation('before_its_time', writer, one)] : [];
	});
}

/** A demand for a revision is refused only if something can have come after that revision. */
function refusedInVain(operations: readonly Operation[]): Violation[] {
	return operations.flatMap((one) => {
		const { answer, expected, to } = one;
		if (answer !== 'differs' || expected === undefined) return [];
		const reason = operations.some(
			(other) =>
				other !== one &&
				other.from < to &&
				writes(other) &&
				other.kind !== 'delete' &&
				(other.to === Infinity || (seenIn(other) && versionOf(other) > expected)),
		);
		return reason ? [] : [violation('refused_in_vain', one)];
	});
}

/** One deletion is the one that deleted it, and nothing is gone that nobody has deleted. */
function wrongEnd(operations: readonly Operation[]): Violation[] {
	const [first, second] = operations.filter(({ answer }) => answer === 'deleted');
	const deletions = operations.filter(({ kind }) => kind === 'delete');
	const mayHave = first === undefined ? deletions.filter(({ answer }) => answer === null) : [first];
	const vanished = operations.find(
		(one) => isGone(one) && !mayHave.some(({ from }) => from <= one.to),
	);
	return [
		...(first !== undefined && second !== undefined
			? [violation('deleted_twice', first, second)]
			: []),
		...(vanished === undefined ? [] : [violation('vanished', vanished)]),
	];
}

/** For the message of a test that failed: one operation a line. */
export function tellViolations(violations: readonly Violation[]): string {
	return violations
		.map(({ fault, schedule, operations }) => {
			const lines = operations.map((one) => `  ${JSON.stringify(one)}`);
			return [`${fault} of ${schedule}`, ...lines].join('\n');
		})
		.join('\n');
}
