import type { Document, MongoClient } from 'mongodb';

import type { Index } from '../../engine/stores/mongo/index-spec.ts';
import { CONTROL } from '../../engine/stores/mongo/migrations/1-control.ts';
import { WORK } from '../../engine/stores/mongo/migrations/1-work.ts';

/** Something that was looked for, one of its shape. */
export interface Query {
	on: string;
	filter: Document;
	sort?: Document;
	/** The field whose different values were asked for. */
	distinct?: string;
}

/** Keeps one of each shape of all that a client looks for, as its driver tells of commands. */
export interface Recorder {
	listen(client: MongoClient): void;
	/** What is asked meanwhile reads all documents, and is meant to. */
	pause<T>(work: () => Promise<T>): Promise<T>;
	queries(): Query[];
}

export function createRecorder(): Recorder {
	const shapes = new Map<string, Query>();
	let paused = 0;

	function record(query: Query): void {
		if (paused > 0) return;
		const shape = JSON.stringify([query.on, shapeOf(query.filter), query.sort, query.distinct]);
		if (!shapes.has(shape)) shapes.set(shape, query);
	}

	return {
		listen(client) {
			client.on('commandStarted', ({ commandName, command }) => {
				for (const query of queriesOf(commandName, command)) record(query);
			});
		},
		async pause(work) {
			paused++;
			try {
				return await work();
			} finally {
				paused--;
			}
		},
		queries: () => [...shapes.values()],
	};
}

function queriesOf(name: string, command: Document): Query[] {
	const on = command[name] as string;
	const sort = command['sort'] as Document | undefined;
	const each = (list: unknown): Document[] => (list as Document[] | undefined) ?? [];
	switch (name) {
		case 'find':
			return [{ on, filter: (command['filter'] ?? {}) as Document, ...(sort && { sort }) }];
		case 'findAndModify':
			return [{ on, filter: (command['query'] ?? {}) as Document, ...(sort && { sort }) }];
		case 'distinct':
			return [
				{
					on,
					filter: (command['query'] ?? {}) as Document,
					distinct: command['key'] as string,
				},
			];
		case 'update':
			return each(command['updates']).map(({ q }) => ({ on, filter: q as Document }));
		case 'delete':
			return each(command['deletes']).map(({ q }) => ({ on, filter: q as Document }));
		case 'aggregate': {
			const [first] = each(command['pipeline']);
			if (first !== undefined && '$changeStream' in first) return [];
			return [{ on, filter: (first?.['$match'] ?? {}) as Document }];
		}
		default:
			return [];
	}
}

/** Values by what they are; operators by name. */
function shapeOf(value: unknown): unknown {
	if (Array.isArray(value)) return [...new Set(value.map((one) => JSON.stringify(shapeOf(one))))];
	if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
	if (Object.getPrototypeOf(value) !== Object.prototype) return value.constructor.name;
	return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, shapeOf(of)]));
}

/** `_id`, or the declared index that serves the query: it begins with a field that the query bounds. */
export function servedBy(query: Query): Index | '_id' | null {
	const { on, sort, distinct } = query;
	const filter = flat(query.filter);
	if (bounds(filter['_id'])) return '_id';
	// all of them, in its order
	if (Object.keys(filter).length === 0 && sort !== undefined && namesOf(sort)[0] === '_id')
		return '_id';
	for (const index of [...CONTROL, ...WORK]) {
		if (index.on !== on) continue;
		const fields = Object.keys(index.key as Document);
		const [first = ''] = fields;
		// or it has them in the order that is asked for
		const inOrder = sort !== undefined && namesOf(sort).every((name, n) => name === fields[n]);
		const found = bounds(filter[first]) || first === distinct || inOrder;
		// what has no value of the field is not in the index, and not among the different values
		const holds = Object.entries(index.where ?? {}).every(
			([field, where]) => field === distinct || implies(filter[field], where),
		);
		if (found && holds) return index;
	}
	const branches = filter['$or'] as Document[] | undefined;
	if (branches === undefined) return null;
	const each = branches.map((branch) =>
		servedBy({ on, filter: { ...filter, ...branch, $or: [] } }),
	);
	return each.every((index) => index !== null) ? (each[0] ?? null) : null;
}

/** One condition for each field, those of array elements under their path. */
function flat(filter: Document): Document {
	const { $and = [], ...own } = filter as { $and?: Document[] } & Document;
	const all: Document = {};
	for (const part of [own, ...$and]) {
		for (const [field, condition] of Object.entries(part)) {
			const inside = isOperators(condition) ? (condition['$elemMatch'] as Document) : undefined;
			for (const [name, of] of Object.entries(inside ?? {})) all[`${field}.${name}`] = of;
			if (!bounds(all[field])) all[field] = condition;
		}
	}
	return all;
}

/** The driver keeps the order of a sort in a Map. */
function namesOf(sort: Document): string[] {
	return sort instanceof Map ? [...(sort as Map<string, unknown>).keys()] : Object.keys(sort);
}

function bounds(condition: unknown): boolean {
	if (condition === undefined) return false;
	if (!isOperators(condition)) return true;
	return ['$eq', '$in', '$gt', '$gte', '$lt', '$lte'].some((name) => name in condition);
}

function implies(condition: unknown, where: unknown): boolean {
	if (!isOperators(where)) return equalTo(condition) === where;
	if ('$exists' in where) return bounds(condition) && equalTo(condition) !== null;
	// the only other one that is declared: more than zero
	if (!isOperators(condition)) return Number(condition) > 0;
	const { $eq, $gt, $gte, $in } = condition;
	return Number($eq) > 0 || Number($gt) >= 0 || Number($gte) > 0 || ($in as unknown[])?.length > 0;
}

function equalTo(condition: unknown): unknown {
	return isOperators(condition) ? condition['$eq'] : condition;
}

function isOperators(value: unknown): value is Document {
	return (
		typeof value === 'object' &&
		value !== null &&
		Object.getPrototypeOf(value) === Object.prototype &&
		Object.keys(value).some((key) => key.startsWith('$'))
	);
}

/** Names of stages of the plan that a server makes for it. */
export async function planOf(
	client: MongoClient,
	database: string,
	{ on, filter, sort }: Query,
): Promise<string[]> {
	const find = { find: on, filter, ...(sort && { sort }) };
	const answer = await client.db(database).command({ explain: find, verbosity: 'queryPlanner' });
	const stages: string[] = [];
	const walk = (value: unknown): void => {
		if (typeof value !== 'object' || value === null) return;
		for (const [key, of] of Object.entries(value)) {
			if (key === 'stage' && typeof of === 'string') stages.push(of);
			else walk(of);
		}
	};
	walk((answer['queryPlanner'] as Document)['winningPlan']);
	return stages;
}
