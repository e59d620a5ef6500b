import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../../support/capability-server.ts';
import type { CliResult } from '../../support/cli.ts';
import { runCli } from '../../support/cli.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

let server: CapabilityServer;
let bed: Bed;
let hook: Receiver;
let key: string;
beforeAll(async () => {
	server = await new CapabilityServer().start();
});
beforeEach(async () => {
	bed = await startBed();
	await mkdir(join(bed.folder, 'out'));
	key = await bed.keyOf(['runs:read', 'runs:execute']);
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
	});
	await bed.register('rows', url);
	hook = await startReceiver();
	hook.answer = (_, response) =>
		response.writeHead(302, { location: 'http://elsewhere.example/' }).end();
	for (const [name, channel, settings] of [
		['crm', 'webhook', { url: hook.url }],
		['stand-in', 'file', { folder: 'stand-in' }],
	] as const) {
		demand(await bed.admin.post('/v1/destinations', { name, channel, settings }), 201);
	}
});
afterEach(async () => {
	await hook.close();
	await bed.close();
});
afterAll(async () => {
	await server.close();
});

const cli = (...args: string[]): Promise<CliResult> =>
	runCli(['dead-letters', ...args], { CAPSCHEDULER_URL: bed.url, CAPSCHEDULER_KEY: key });

async function die(destination = 'crm'): Promise<string> {
	// ids tell apart what was made in different milliseconds
	bed.clock.advance(1);
	const delivery = { mode: 'push', targets: [{ destination, format: 'csv' }] };
	const run = await bed.runIn(await bed.invoke('rows', { delivery }));
	const [{ id }] = (await bed.run(run.id)).deliveries;
	await bed.deliveryIn(id, 'dead');
	return id as string;
}

describe('dead-letters', () => {
	it.each(['--since', '--until'])(
		'names %s, and what it expects, where that is no instant',
		async (option) => {
			const { code, stderr } = await cli('list', option, 'yesterday');
			expect(code).not.toBe(0);
			expect(stderr).toContain(`'${option} <instant>' argument 'yesterday' is invalid`);
			expect(stderr).toContain('expected an instant with offset like 2027-01-31T09:00:00+01:00');
		},
	);

	it('are listed by what they died of, page by page, and shown with their attempts', async () => {
		const ids = [await die(), await die(), await die()];
		const first = await cli('list', '--code', 'TARGET_REDIRECT', '--limit', '2', '--json');
		const { items, nextCursor } = first.json() as { items: { id: string }[]; nextCursor: string };
		const second = await cli('list', '--limit', '2', '--cursor', nextCursor, '--json');
		const rest = second.json() as { items: { id: string }[]; nextCursor: null };
		expect([...items, ...rest.items].map(({ id }) => id)).toEqual(ids.toReversed());
		expect(rest.nextCursor).toBeNull();
		const table = await cli('list', '--limit', '2');
		expect(table.stdout.split('\n')[0]).toMatch(/^id +runId +target +place +attempt/);
		expect(table.stdout).toContain('(TARGET_REDIRECT)');
		expect(table.stderr).toContain('--cursor');
		const none = await cli('list', '--code', 'TIMEOUT');
		expect([none.code, none.stdout, none.stderr]).toEqual([0, '', 'No dead letter.\n']);
		const shown = await cli('show', ids[0]!);
		expect(shown.stdout).toMatch(/state +dead/);
		expect(shown.stdout).toMatch(/attempts\nattempt +outcome/);
	});

	it('are sent again one by one, and there is a rehearsal that sends nothing', async () => {
		const id = await die();
		const tried = await cli('replay', id, '--dry-run');
		expect([tried.code, tried.stdout]).toEqual([0, `${id} would be replayed\n`]);
		expect(hook.received).toHaveLength(1);
		hook.answer = (_, response) => response.writeHead(204).end();
		const done = await cli('replay', id);
		expect([done.code, done.stdout]).toEqual([0, `replayed ${id}, which is pending\n`]);
		await bed.deliveryIn(id, 'delivered');
		expect(hook.received[1]!.body.equals(hook.received[0]!.body)).toBe(true);
	});

	it('are sent to another place by a filter, none of them twice', async () => {
		const ids = [await die(), await die()];
		const rehearsal = await cli('replay', '--destination', 'crm', '--dry-run', '--json');
		expect(rehearsal.json()).toEqual({
			dryRun: true,
			matched: 2,
			replayed: ids.toReversed(),
			failed: [],
			nextCursor: null,
		});
		expect((await cli('list', '--json')).json()).toMatchObject({ items: [{}, {}] });
		const sent = await cli('replay', '--destination', 'crm', '--to', 'stand-in');
		expect([sent.code, sent.stdout]).toEqual([0, expect.stringContaining('2 of 2 replayed')]);
		await bed.until(
			async () => (await readdir(join(bed.folder, 'out', 'stand-in')).catch(() => [])).length === 2,
		);
	});

	it('tell which of them the new place does not take, and end with 1', async () => {
		const id = await die();
		const allow = { capabilities: ['others'] };
		const closed = { name: 'closed', channel: 'file', settings: { folder: 'closed' }, allow };
		demand(await bed.admin.post('/v1/destinations', closed), 201);
		const { code, stdout, stderr } = await cli('replay', '--all', '--to', 'closed');
		expect([code, stderr]).toEqual([1, expect.stringContaining('1 of 1 could not be replayed')]);
		expect(stdout).toContain(id);
		expect(stdout).toContain('FORBIDDEN');
	});

	it('are taken off the list, stay what they are, and can still be replayed', async () => {
		const ids = [await die(), await die()];
		expect((await cli('discard', '--all', '--dry-run')).stdout).toContain(
			'2 of 2 would be discarded',
		);
		const one = await cli('discard', ids[0]!);
		expect([one.code, one.stdout]).toEqual([0, `discarded ${ids[0]}, which is discarded\n`]);
		const many = await cli('discard', '--code', 'TARGET_REDIRECT', '--json');
		expect(many.json()).toMatchObject({ matched: 1, discarded: [ids[1]] });
		expect((await cli('list', '--json')).json()).toEqual({ items: [], nextCursor: null });
		const again = await cli('discard', ids[0]!);
		expect([again.code, again.stderr]).toEqual([4, expect.stringContaining('only dead ones')]);
		const events = await bed.events('delivery.discarded');
		expect(events.map(({ subject }) => subject['deliveryId'])).toEqual(ids);
		const { runId } = (await cli('show', ids[0]!, '--json')).json() as { runId: string };
		expect((await bed.run(runId)).deliveryState).toBe('dead');
		hook.answer = (_, response) => response.writeHead(204).end();
		expect((await cli('replay', ids[0]!)).code).toBe(0);
		await bed.deliveryIn(ids[0]!, 'delivered');
	});

	it('are not all meant by a command that says nothing of which', async () => {
		for (const act of ['replay', 'discard']) {
			const { code, stderr } = await cli(act);
			expect([code, stderr]).toEqual([2, expect.stringContaining('--all')]);
		}
		expect((await cli('replay', 'dlv_x', '--all')).code).toBe(2);
		expect((await cli('replay', 'dlv_00000000000000000000000000')).code).toBe(4);
		expect((await cli('--help')).stdout).toContain('dead-letters replay --destination crm');
	});
});
