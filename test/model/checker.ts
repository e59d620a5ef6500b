import type { Guard } from './rows.ts';
import { brokenBy, isOverAll } from './invariants.ts';
import { keyOf } from './key.ts';
import { describeWorld } from './describe.ts';
import type { Witness } from './steps.ts';
import { steps } from './world-steps.ts';
import type { Model, Sizes, World } from './world.ts';
import { createModel, initial } from './world.ts';

/** What was found out about a model. */
export interface Explored {
	states: number;
	transitions: number;
	/** Steps of the longest of the shortest paths. */
	depth: number;
	witnesses: ReadonlySet<Witness>;
	/** What does not hold, with the shortest path there; undefined when all holds. */
	counterexample?: string;
}

/**
 * Every state that can be reached, each once, the nearest first: so the path to what does not hold is a
 * shortest one. Then whether, from each of them, every run reaches an end by steps of engines and time alone:
 * without any further fault, without anybody's act, and although no capability answers any more.
 */
export function explore(sizes: Sizes, options: { broken?: readonly Guard[] } = {}): Explored {
	return new Exploration(createModel(sizes, new Set(options.broken))).run();
}

class Exploration {
	readonly #model: Model;
	readonly #ids = new Map<string, number>();
	/** Those that are still to be looked at; the others are forgotten. */
	readonly #worlds: (World | undefined)[] = [];
	/** How each state was reached: from which, and by which of its steps. */
	readonly #parents: number[] = [];
	readonly #choices: number[] = [];
	readonly #depths: number[] = [];
	readonly #goals: number[] = [];
	/** Steps that engines do by themselves: from, to. */
	readonly #froms: number[] = [];
	readonly #tos: number[] = [];
	readonly #witnesses = new Set<Witness>();
	#transitions = 0;

	constructor(model: Model) {
		this.#model = model;
	}

	run(): Explored {
		this.#reach(initial(this.#model), { parent: -1, choice: 0 });
		for (let id = 0; id < this.#worlds.length; id++) {
			const broken = this.#expand(id);
			if (broken !== undefined) return { ...this.#figures(), counterexample: broken };
		}
		const stuck = this.#stuck();
		return stuck === undefined ? this.#figures() : { ...this.#figures(), counterexample: stuck };
	}

	#figures(): Explored {
		return {
			states: this.#worlds.length,
			transitions: this.#transitions,
			depth: this.#depths.at(-1) ?? 0,
			witnesses: this.#witnesses,
		};
	}

	/** @returns its number */
	#reach(world: World, how: { parent: number; choice: number }): number {
		const key = keyOf(this.#model, world);
		const known = this.#ids.get(key);
		if (known !== undefined) return known;
		const id = this.#worlds.push(world) - 1;
		this.#ids.set(key, id);
		this.#parents.push(how.parent);
		this.#choices.push(how.choice);
		this.#depths.push((this.#depths[how.parent] ?? -1) + 1);
		if (isOverAll(world)) this.#goals.push(id);
		return id;
	}

	/** @returns what does not hold */
	#expand(id: number): string | undefined {
		const world = this.#worlds[id];
		if (world === undefined) return undefined;
		this.#worlds[id] = undefined;
		for (const [choice, step] of steps(this.#model, world).entries()) {
			this.#transitions++;
			const broken = brokenBy(this.#model, world, step);
			if (broken !== undefined) return this.#tell(broken, [...this.#pathTo(id), choice]);
			if (step.witness !== undefined) this.#witnesses.add(step.witness);
			const next = this.#reach(step.next, { parent: id, choice });
			if (step.kind === 'step' && next !== id) {
				this.#froms.push(id);
				this.#tos.push(next);
			}
		}
		return undefined;
	}

	/** Backwards from the ends; what is not met then cannot reach one. */
	#stuck(): string | undefined {
		const before = predecessors(this.#worlds.length, this.#froms, this.#tos);
		const met = new Uint8Array(this.#worlds.length);
		const open = [...this.#goals];
		for (const id of open) met[id] = 1;
		for (let id = open.pop(); id !== undefined; id = open.pop()) {
			for (const other of before(id)) {
				if (met[other] === 1) continue;
				met[other] = 1;
				open.push(other);
			}
		}
		const stuck = met.indexOf(0);
		if (stuck === -1) return undefined;
		const message = 'from here no end can be reached: something is stuck for ever';
		return this.#tell(message, this.#pathTo(stuck));
	}

	#pathTo(id: number): number[] {
		const path: number[] = [];
		for (let at = id; at > 0; at = this.#parents[at] ?? 0) path.unshift(this.#choices[at] ?? 0);
		return path;
	}

	#tell(message: string, path: readonly number[]): string {
		let world = initial(this.#model);
		const lines = path.map((choice, at) => {
			const step = steps(this.#model, world)[choice];
			if (step === undefined) throw new Error(`step ${at + 1} of the path is gone`);
			world = step.next;
			return `${String(at + 1).padStart(3)}. ${step.label}\n       ${describeWorld(world)}`;
		});
		return `${message}\nThe shortest path there:\n${lines.join('\n')}`;
	}
}

/** For each state, those from which one step leads to it. */
function predecessors(
	count: number,
	froms: readonly number[],
	tos: readonly number[],
): (id: number) => Int32Array {
	const starts = new Int32Array(count + 1);
	for (const to of tos) starts[to + 1] = (starts[to + 1] ?? 0) + 1;
	for (let id = 0; id < count; id++) starts[id + 1] = (starts[id + 1] ?? 0) + (starts[id] ?? 0);
	const filled = starts.slice();
	const all = new Int32Array(tos.length);
	for (const [at, to] of tos.entries()) {
		const place = filled[to] ?? 0;
		all[place] = froms[at] ?? 0;
		filled[to] = place + 1;
	}
	return (id) => all.subarray(starts[id], starts[id + 1]);
}
