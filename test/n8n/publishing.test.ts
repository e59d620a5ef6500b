import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { freePort } from '../servers/process.ts';
import { createClient, startEngineProcess } from '../support/engine-process.ts';
import type { StoredWorkflow } from './support/n8n-client.ts';
import { outputOf } from './support/n8n-client.ts';
import { until } from './support/until.ts';
import type { TriggerWish } from './support/workflows.ts';
import { chain, setFields, trigger, TRIGGER, webhook } from './support/workflows.ts';
import type { RunRow, ScheduleRow } from './support/world.ts';
import { World } from './support/world.ts';

jest.setTimeout(300_000);

const otherData = mkdtempSync(join(tmpdir(), 'capscheduler-other-engine-'));
let world: World;
beforeAll(async () => {
	world = await World.open();
});
afterAll(async () => {
	await (world as World | undefined)?.close();
	rmSync(otherData, { recursive: true, force: true });
});

/** The shortest that the engine allows. */
const OFTEN = '*/2 * * * * *';
const YEARLY = '0 0 1 1 *';

/** A workflow that is published: a trigger, and a node that answers 42. */
async function published(
	name: string,
	wish: Omit<TriggerWish, 'credentials'> = {},
	settings = {},
): Promise<StoredWorkflow> {
	const { n8n, credentials } = world;
	const nodes = [trigger({ credentials, ...wish }), setFields('Set', { answer: 42 })];
	const workflow = await n8n.createWorkflow(chain(name, nodes, settings));
	await n8n.publish(workflow.id);
	return workflow;
}

async function onlySchedule({ id }: { id: string }): Promise<ScheduleRow> {
	const schedules = await world.schedulesOf(id);
	expect(schedules).toHaveLength(1);
	return schedules[0]!;
}

const succeeded = (
	schedule: ScheduleRow,
	fits: (run: RunRow) => boolean = () => true,
): Promise<RunRow> =>
	until(`a run of ${schedule.id}`, async () =>
		(await world.runsOf(schedule)).find((run) => run.state === 'succeeded' && fits(run)),
	);

/** Saves the workflow with another trigger, and publishes it. */
async function republish(
	workflow: StoredWorkflow,
	change: (trigger: StoredWorkflow['nodes'][number]) => object,
): Promise<void> {
	const stored = await world.n8n.workflow(workflow.id);
	const nodes = stored.nodes.map((node) =>
		node.name === TRIGGER ? { ...node, ...change(node) } : node,
	);
	await world.n8n.saveWorkflow(workflow.id, { ...stored, nodes });
	await world.n8n.publish(workflow.id);
}

const cron = (expression: string) => ({ interval: [{ field: 'cron', expression }] });

describe("the credential's test", () => {
	const tested = async (data: { baseUrl: string; apiKey: string }): Promise<unknown> => {
		const credentials = { id: '', name: 'Tested', type: 'capSchedulerApi', data };
		const answer = await world.n8n.rest<{ data: unknown }>('/credentials/test', {
			method: 'POST',
			body: { credentials },
		});
		return answer.data;
	};

	test('says yes to the engine and a key of it, a slash at the end of the URL or not', async () => {
		const { engineUrl: baseUrl, key: apiKey } = world;
		expect(await tested({ baseUrl, apiKey })).toMatchObject({ status: 'OK' });
		expect(await tested({ baseUrl: `${baseUrl}/`, apiKey })).toMatchObject({ status: 'OK' });
	});

	test('says no to a wrong key, and to a server that is not the engine', async () => {
		const { engineUrl, key, n8n } = world;
		expect(await tested({ baseUrl: engineUrl, apiKey: 'csk_wrong' })).toMatchObject({
			status: 'Error',
		});
		// n8n answers 200 and its editor, whatever is asked for
		expect(await tested({ baseUrl: n8n.url, apiKey: key })).toMatchObject({
			status: 'Error',
			message: 'What answers at the engine URL is not CapScheduler',
		});
	});
});

describe('a published workflow', () => {
	test('fires, and what its last node gives is the result of the run', async () => {
		const workflow = await published('Answers', { cron: OFTEN }, { timezone: 'Asia/Kathmandu' });
		const schedule = await onlySchedule(workflow);
		const run = await succeeded(schedule);
		const execution = await world.n8n.executed(workflow.id);
		expect(execution).toMatchObject({ status: 'success', mode: 'webhook' });
		expect(outputOf(execution, 'Set')[0]?.json).toMatchObject({
			answer: 42,
			late: false,
			scheduleId: schedule.id,
			timeZone: 'Asia/Kathmandu',
			local: { iso: expect.stringMatching(/\+05:45$/) },
		});
		expect(await world.engine('GET', `/v1/runs/${run.id}/result?format=json`)).toMatchObject([
			{ answer: 42, runId: run.id, trigger: 'schedule', scheduleName: 'Answers' },
		]);
		await world.n8n.unpublish(workflow.id);
	});

	test('is gone from the engine when it is unpublished, and comes back when it is published', async () => {
		const workflow = await published('Comes and goes');
		const { capability } = await onlySchedule(workflow);
		await world.n8n.unpublish(workflow.id);
		expect(await world.schedulesOf(workflow.id)).toEqual([]);
		await expect(world.engine('GET', `/v1/capabilities/${capability}`)).rejects.toThrow('404');
		await world.n8n.publish(workflow.id);
		await onlySchedule(workflow);
	});

	test('with another rule has one schedule, by the new rule', async () => {
		const workflow = await published('Edited');
		expect(await onlySchedule(workflow)).toMatchObject({ timing: { cron: YEARLY } });
		await republish(workflow, ({ parameters }) => ({
			parameters: { ...parameters, rule: cron(OFTEN) },
		}));
		const edited = await onlySchedule(workflow);
		expect(edited).toMatchObject({ timing: { cron: OFTEN }, status: 'active' });
		await succeeded(edited);
		await world.n8n.unpublish(workflow.id);
	});

	test('that gets another trigger instead has no schedule', async () => {
		const workflow = await published('Loses its trigger');
		await onlySchedule(workflow);
		const nodes = [webhook('other-trigger'), setFields('Set', { answer: 42 })];
		await world.n8n.saveWorkflow(workflow.id, chain(workflow.name, nodes));
		await world.n8n.publish(workflow.id);
		expect(await world.schedulesOf(workflow.id)).toEqual([]);
	});

	test('whose trigger is renamed has one schedule, that fires', async () => {
		const workflow = await published('Renamed trigger');
		const stored = await world.n8n.workflow(workflow.id);
		const nodes = stored.nodes.map((node) =>
			node.name === TRIGGER
				? { ...node, name: 'Each second', parameters: { ...node.parameters, rule: cron(OFTEN) } }
				: node,
		);
		const connections = { 'Each second': (stored.connections as any)[TRIGGER] };
		await world.n8n.saveWorkflow(workflow.id, { ...stored, nodes, connections });
		await world.n8n.publish(workflow.id);
		const schedule = await onlySchedule(workflow);
		expect(schedule.metadata).toMatchObject({ n8n: { node: 'Each second' } });
		await succeeded(schedule);
		await world.n8n.unpublish(workflow.id);
	});

	// n8n deletes only what was put into its archive before
	test('that is archived and deleted leaves nothing behind', async () => {
		const workflow = await published('Deleted');
		const { capability } = await onlySchedule(workflow);
		await world.n8n.rest(`/workflows/${workflow.id}/archive`, { method: 'POST', body: {} });
		await world.n8n.settled(workflow.id);
		await world.n8n.deleteWorkflow(workflow.id);
		await until('the schedule to be gone', async () => {
			const schedules = await world.schedulesOf(workflow.id);
			return schedules.length === 0;
		});
		await until('the capability to be gone', () =>
			world.engine('GET', `/v1/capabilities/${capability}`).then(
				() => false,
				(error: Error) => error.message.includes('404'),
			),
		);
	});

	test('that gets the credential of another engine moves there', async () => {
		const workflow = await published('Moves', { cron: YEARLY });
		await onlySchedule(workflow);
		const other = await startEngineProcess({
			CAPSCHEDULER_PORT: String(await freePort()),
			CAPSCHEDULER_DATA_DIR: join(otherData, 'engine'),
		});
		try {
			const data = { baseUrl: other.url, apiKey: other.firstKey };
			const { id, name } = await world.n8n.createCredential('Another engine', data);
			await republish(workflow, () => ({ credentials: { capSchedulerApi: { id, name } } }));
			const there = createClient(other.url, other.firstKey!);
			const { items } = await there<{ items: ScheduleRow[] }>('GET', '/v1/schedules');
			expect(items).toMatchObject([{ name: 'Moves', labels: { workflow: workflow.id } }]);
			expect(await world.schedulesOf(workflow.id)).toEqual([]);
		} finally {
			await world.n8n.unpublish(workflow.id);
			await other.kill('SIGTERM');
		}
	});

	test('whose trigger cannot be registered says why, and leaves nothing behind', async () => {
		await expect(published('Refused', { cron: '0 0 31 2 *' })).rejects.toThrow('timing.cron');
		const all = await world.all<ScheduleRow>('/v1/schedules');
		expect(all.filter(({ name }) => name === 'Refused')).toEqual([]);
	});
});

describe('a test in the editor', () => {
	test('runs once, at once, and leaves what is published alone', async () => {
		const workflow = await published('Tested', {}, { timezone: 'Asia/Kathmandu' });
		const before = await onlySchedule(workflow);
		await world.n8n.test(workflow.id, TRIGGER);
		const execution = await world.n8n.executed(workflow.id, ({ mode }) => mode === 'manual');
		expect(execution.status).toBe('success');
		expect(outputOf(execution, 'Set')[0]?.json).toMatchObject({
			answer: 42,
			timeZone: 'Asia/Kathmandu',
		});
		await until('the test to be cleaned up', async () => {
			const rest = await world.schedulesOf(workflow.id);
			return rest.length === 1;
		});
		expect(await onlySchedule(workflow)).toEqual(before);
		expect(await world.n8n.executions(workflow.id)).toHaveLength(1);
	});

	test('works before anything was published', async () => {
		const { n8n, credentials } = world;
		const nodes = [trigger({ credentials, respond: 'immediately' }), setFields('Set', { a: 1 })];
		const workflow = await n8n.createWorkflow(chain('Never published', nodes));
		await n8n.test(workflow.id, TRIGGER);
		expect(await n8n.executed(workflow.id)).toMatchObject({ status: 'success', mode: 'manual' });
	});
});

describe('after a restart of n8n', () => {
	test('nothing is lost or doubled, a new name has arrived, and what was wiped is there again', async () => {
		const kept = await published('Kept', { cron: OFTEN });
		const renamed = await published('Old name');
		const before = await onlySchedule(kept);
		const old = await onlySchedule(renamed);
		const stored = await world.n8n.workflow(renamed.id);
		await world.n8n.saveWorkflow(renamed.id, { ...stored, name: 'New name' });
		await world.restartN8n();

		const schedule = await onlySchedule(kept);
		expect(schedule).toMatchObject({ id: before.id, status: 'active' });
		const runs = (await world.runsOf(schedule)).map(({ id }) => id);
		await succeeded(schedule, ({ id }) => !runs.includes(id));
		const changed = await until('the new name', async () => {
			const one = await onlySchedule(renamed);
			return one.name === 'New name' && one;
		});
		expect(changed.id).toBe(old.id);

		await world.wipeEngine();
		await world.restartN8n();
		await until('the schedules to be there again', async () => {
			const there = await Promise.all([kept, renamed].map(({ id }) => world.schedulesOf(id)));
			return there.every((schedules) => schedules.length > 0);
		});
		await succeeded(await onlySchedule(kept));
		expect(await onlySchedule(renamed)).toMatchObject({ name: 'New name' });
		await world.n8n.unpublish(kept.id);
		await world.n8n.unpublish(renamed.id);
	});
});
