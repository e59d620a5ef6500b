import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { SCOPES } from '../../../engine/contract/access.ts';
import { ROUTES } from '../../../engine/http/routes/index.ts';
import type { KeyRoute, Route } from '../../../engine/http/route.ts';
import type { Client, TestEngine } from '../../support/api.ts';
import { startTestEngine } from '../../support/api.ts';

const KEYED = ROUTES.filter((route): route is KeyRoute => route.auth === 'key');
const NOBODY = '01kbrj7v2x9m4c8d1e5f6g7h8j';
const PREFIX: Record<string, string> = {
	schedules: 'sch',
	runs: 'run',
	sessions: 'run',
	destinations: 'dst',
	deliveries: 'dlv',
	links: 'lnk',
	keys: 'key',
	backfills: 'bkf',
};

/** A path of the right form that names nothing that exists. */
function path({ path: template }: Route): string {
	const resource = template.split('/')[2] ?? '';
	return template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
		name === 'id' || name === 'runId' ? `${PREFIX[resource] ?? ''}_${NOBODY}` : 'unknown',
	);
}

const ask = (client: Client, route: Route) =>
	client.send(route.method.toUpperCase(), path(route), {
		headers: { accept: 'application/json' },
		...(route.method === 'put' || route.method === 'patch' ? { body: {} } : {}),
	});

let test: TestEngine;
const clients = new Map<string, Client>();

beforeAll(async () => {
	test = await startTestEngine();
	for (const scope of SCOPES) clients.set(scope, test.client(await test.keyOf([scope])));
});
afterAll(() => test.close());

describe.each(KEYED.map((route) => [route.id, route] as const))('%s', (_, route) => {
	it('is closed to those without a key, and tells nothing', async () => {
		const { status, headers, body } = await ask(test.client(), route);
		expect({ status, code: body.code }).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
		expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="capscheduler"/);
	});

	it.each(SCOPES)('lets in %s exactly when the table says so', async (scope) => {
		const client = clients.get(scope);
		if (client === undefined) throw new Error('no client');
		const { status } = await ask(client, route);
		const open = scope === 'admin' || route.scopes.length === 0 || route.scopes.includes(scope);
		if (open) expect([401, 403]).not.toContain(status);
		else expect(status).toBe(403);
	});
});

it('has every route under one of the known ways in', () => {
	const open = ROUTES.filter(({ auth }) => auth === 'public').map(({ path: place }) => place);
	expect(open).toEqual([
		'/healthz',
		'/readyz',
		'/metrics',
		'/openapi.json',
		'/docs',
		'/docs/style.css',
	]);
	expect(new Set(ROUTES.map(({ id }) => id)).size).toBe(ROUTES.length);
	expect(new Set(ROUTES.map(({ method, path: place }) => `${method} ${place}`)).size).toBe(
		ROUTES.length,
	);
});
