/**
 * Many steps in an order that chance gives, and then: does the engine have exactly what n8n has published? Chance is
 * of a seed, which is printed; CAPSCHEDULER_TEST_SEED repeats one.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

import type { StoredWorkflow } from './support/n8n-client.ts';
import { until } from './support/until.ts';
import { chain, setFields, trigger, TRIGGER } from './support/workflows.ts';
import type { ScheduleRow } from './support/world.ts';
import { World } from './support/world.ts';

jest.setTimeout(900_000);

const STEPS = 50;
const WORKFLOWS = 4;
/** Restarts of n8n take ten seconds and more: the number of them is not left to chance, only their places are. */
const RESTARTS_OF_N8N = 3;
const RESTARTS_OF_ENGINE = 4;
const RULES = ['0 0 1 1 *', '0 0 2 1 *', '0 0 3 1 *', '0 0 4 1 *'];

let world: World;
beforeAll(async () => {
	world = await World.open();
});
afterAll(() => (world as World | undefined)?.close());

/** What is to be in the engine for a workflow. */
interface Wanted {
	workflow: StoredWorkflow;
	/** Null while it is unpublished. */
	published: { cron: string; name: string } | null;
	/** What is saved and would be published. */
	cron: string;
	name: string;
}

/** mulberry32: numbers from 0 to 1, always the same for one seed. */
function chance(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}

type Step = 'publish' | 'unpublish' | 'edit' | 'rename' | 'test' | 'restart n8n' | 'restart engine';

/** The order of the steps; those that are rare are all there, somewhere. */
function plan(random: () => number): Step[] {
	const often: Step[] = ['publish', 'publish', 'unpublish', 'edit', 'edit', 'rename', 'test'];
	const steps = Array.from(
		{ length: STEPS - RESTARTS_OF_N8N - RESTARTS_OF_ENGINE },
		() => often[Math.floor(random() * often.length)]!,
	);
	const put = (step: Step, times: number): void => {
		for (let i = 0; i < times; i++) steps.splice(Math.floor(random() * steps.length), 0, step);
	};
	put('restart n8n', RESTARTS_OF_N8N);
	put('restart engine', RESTARTS_OF_ENGINE);
	return steps;
}

async function create(number: number): Promise<Wanted> {
	const { n8n, credentials } = world;
	const name = `Workflow ${number}`;
	const cron = RULES[0]!;
	const nodes = [
		trigger({ credentials, cron, respond: 'immediately' }),
		setFields('Set', { a: 1 }),
	];
	return { workflow: await n8n.createWorkflow(chain(name, nodes)), published: null, cron, name };
}

async function save(wanted: Wanted, change: Partial<Pick<Wanted, 'cron' | 'name'>>): Promise<void> {
	Object.assign(wanted, change);
	const stored = await world.n8n.workflow(wanted.workflow.id);
	const rule = { interval: [{ field: 'cron', expression: wanted.cron }] };
	const nodes = stored.nodes.map((node) =>
		node.name === TRIGGER ? { ...node, parameters: { ...node.parameters, rule } } : node,
	);
	await world.n8n.saveWorkflow(stored.id, { ...stored, name: wanted.name, nodes });
}

async function publish(wanted: Wanted): Promise<void> {
	await world.n8n.publish(wanted.workflow.id);
	wanted.published = { cron: wanted.cron, name: wanted.name };
}

async function take(step: Step, wanted: Wanted, random: () => number): Promise<void> {
	const { id } = wanted.workflow;
	switch (step) {
		case 'publish':
			return publish(wanted);
		case 'unpublish':
			if (wanted.published !== null) await world.n8n.unpublish(id);
			wanted.published = null;
			return;
		case 'edit':
			await save(wanted, { cron: RULES[Math.floor(random() * RULES.length)]! });
			if (wanted.published !== null) await publish(wanted);
			return;
		case 'rename':
			return save(wanted, { name: `Renamed ${Math.floor(random() * 1e6)}` });
		case 'test': {
			const before = (await world.n8n.executions(id)).length;
			await world.n8n.test(id, TRIGGER);
			await until(`the test of ${id}`, async () =>
				(await world.n8n.executions(id)).length > before ? true : null,
			);
			return;
		}
		case 'restart n8n':
			return world.restartN8n();
		case 'restart engine':
			return world.restartEngine();
	}
}

interface Registered {
	schedules: { workflow: string; mode: string; cron: string; status: string }[];
	/** Each workflow is one. */
	capabilities: number;
}

/** What the engine has of this n8n, without ids. */
async function registered(): Promise<Registered> {
	const schedules = await world.all<ScheduleRow>('/v1/schedules?label=source:n8n');
	const capabilities = await world.all<{ name: string }>('/v1/capabilities');
	return {
		schedules: schedules
			.map(({ labels, timing, status }) => ({
				workflow: labels['workflow'] ?? '',
				mode: labels['mode'] ?? '',
				cron: String(timing['cron']),
				status,
			}))
			.sort((a, b) => a.workflow.localeCompare(b.workflow)),
		capabilities: capabilities.filter(({ name }) => name.startsWith('n8n-')).length,
	};
}

function expected(all: Wanted[]): Registered {
	const schedules = all.flatMap(({ workflow, published }) =>
		published === null
			? []
			: [{ workflow: workflow.id, mode: 'production', cron: published.cron, status: 'active' }],
	);
	return {
		schedules: schedules.sort((a, b) => a.workflow.localeCompare(b.workflow)),
		capabilities: schedules.length,
	};
}

const seed = Number(process.env['CAPSCHEDULER_TEST_SEED'] ?? Date.now() % 1_000_000);

test(`after ${STEPS} steps at random (seed ${seed}) nothing is lost and nothing is left`, async () => {
	process.stdout.write(`CAPSCHEDULER_TEST_SEED=${seed} repeats the steps of this run\n`);
	const random = chance(seed);
	const all: Wanted[] = [];
	for (let i = 1; i <= WORKFLOWS; i++) all.push(await create(i));
	const settled = (): Promise<unknown> =>
		until(
			'the engine to have what n8n has',
			async () => JSON.stringify(await registered()) === JSON.stringify(expected(all)),
			{ within: 20_000 },
		);
	const taken: string[] = [];
	for (const step of plan(random)) {
		const wanted = all[Math.floor(random() * all.length)]!;
		taken.push(`${step} ${wanted.workflow.id}`);
		await take(step, wanted, random);
		// a test cleans up after itself a moment later; where it cannot, the next test of the workflow does
		if (step === 'test') await settled();
	}
	await settled().catch(() => undefined);
	expect({ taken, ...(await registered()) }).toEqual({ taken, ...expected(all) });
});
