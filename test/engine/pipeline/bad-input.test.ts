import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Answer } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';

let server: CapabilityServer;
let bed: Bed;
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	await bed.register('reports', server.json('/rows', []), {
		actions: {
			go: {
				parameters: {
					type: 'object',
					properties: { region: { enum: ['EU', 'US'] }, top: { type: 'integer', minimum: 1 } },
					required: ['region'],
					additionalProperties: false,
				},
			},
		},
	});
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

const good = { action: 'go', parameters: { region: 'EU' }, timing: { every: '1h' } };
const post = async (body: unknown, path = '/reports/schedule'): Promise<Answer> =>
	bed.admin.post(path, body);

/** All that the store holds, as counts, and the last event. */
async function state(): Promise<unknown> {
	const { store } = bed.engine.context;
	return [await store.counts(), await store.lastEventId('default')];
}

async function refuses(
	ask: () => Promise<Answer>,
	expected: { status: number; code: string; path?: string },
): Promise<void> {
	const before = await state();
	const { status, body, headers } = await ask();
	expect({ status, code: body.code }).toEqual({ status: expected.status, code: expected.code });
	expect(headers.get('content-type')).toContain('application/problem+json');
	if (expected.path !== undefined) {
		const [issue] = body.errors.filter(({ path }: { path: string }) => path === expected.path);
		expect(body.errors.map(({ path }: { path: string }) => path)).toContain(expected.path);
		expect(issue.expected.length).toBeGreaterThan(0);
	}
	expect(await state()).toEqual(before);
}

describe('a secret', () => {
	const asked = async (more: object): Promise<unknown> => {
		const settings = { bucket: 'reports', ...more };
		const cloud = { name: 'cloud', channel: 'gcs', settings };
		return (await bed.admin.post('/v1/destinations', cloud)).body.errors;
	};
	const place = { path: 'settings.serviceAccountKey', expected: expect.any(String) };

	it('that is missing is told to be', async () => {
		expect(await asked({})).toEqual([{ ...place, received: 'nothing' }]);
	});

	it('that is wrong is not shown', async () => {
		expect(await asked({ serviceAccountKey: 12345 })).toEqual([place]);
	});
});

describe('an unknown kind of something', () => {
	it('is told with all that there are', async () => {
		const target = { channel: 'webhook', settings: { url: 'https://example.org/' } };
		const { body } = await post({
			...good,
			delivery: { targets: [{ ...target, package: [{ type: 'rar' }] }] },
		});
		expect(body.errors).toEqual([
			{
				path: 'delivery.targets[0].package[0]',
				expected: 'one of "gzip", "zip" or an object with "type": one of "gzip", "zip", "pgp"',
				received: 'an object',
			},
		]);
	});

	it('is told at its field where it stands alone', async () => {
		const { body } = await bed.admin.put('/v1/capabilities/sales', {
			binding: { type: 'sql', driver: 'oracle' },
			actions: { go: {} },
		});
		expect(body.errors).toEqual([
			{
				path: 'binding.driver',
				expected: 'one of "sqlite", "postgres", "mysql"',
				received: '"oracle"',
			},
		]);
	});
});

describe('a schedule is refused with place, expectation and value, and nothing changes', () => {
	const timing = (given: object): object => ({ ...good, timing: given });
	const cases: [string, unknown, number, string, string?][] = [
		['an unknown action', { ...good, action: 'stop' }, 422, 'ACTION_UNKNOWN', 'action'],
		['an unknown field', { ...good, colour: 'red' }, 400, 'INVALID_REQUEST', 'colour'],
		[
			'an unknown field inside',
			timing({ every: '1h', colour: 1 }),
			400,
			'INVALID_REQUEST',
			'timing.colour',
		],
		[
			'a parameter outside the schema',
			{ ...good, parameters: { region: 'XX' } },
			422,
			'INVALID_PARAMETERS',
			'parameters.region',
		],
		[
			'a missing parameter',
			{ ...good, parameters: {} },
			422,
			'INVALID_PARAMETERS',
			'parameters.region',
		],
		[
			'a parameter of another type',
			{ ...good, parameters: { region: 'EU', top: 'x' } },
			422,
			'INVALID_PARAMETERS',
			'parameters.top',
		],
		[
			'a parameter that is not known',
			{ ...good, parameters: { region: 'EU', more: 1 } },
			422,
			'INVALID_PARAMETERS',
			'parameters.more',
		],
		[
			'a zone that does not exist',
			timing({ cron: '0 9 * * *', timeZone: 'Europe/Berln' }),
			422,
			'INVALID_TIMING',
			'timing.timeZone',
		],
		[
			'a date that does not exist',
			{ action: 'go', parameters: good.parameters, time: '2027-02-30T09:00:00Z' },
			422,
			'INVALID_TIMING',
			'time',
		],
		[
			'a cron date that never comes',
			timing({ cron: '0 0 31 2 *' }),
			422,
			'INVALID_TIMING',
			'timing.cron',
		],
		[
			'a cron field out of range',
			timing({ cron: '61 * * * *' }),
			422,
			'INVALID_TIMING',
			'timing.cron',
		],
		[
			'an instant that is past',
			timing({ at: '2001-01-01T00:00:00Z' }),
			422,
			'INVALID_TIMING',
			'timing.at',
		],
		[
			'an interval that is too small',
			timing({ every: '10ms' }),
			422,
			'INTERVAL_TOO_SMALL',
			'timing.every',
		],
		[
			'no timing at all',
			{ action: 'go', parameters: good.parameters },
			400,
			'INVALID_REQUEST',
			'timing',
		],
		['two timings', { ...good, time: 'in 1h' }, 400, 'INVALID_REQUEST', 'timing'],
		['a field that is not built yet', { ...good, alert: {} }, 400, 'UNSUPPORTED_FIELD', 'alert'],
		[
			'a callback of another scheme',
			{ ...good, callback: 'ftp://example.org/x' },
			400,
			'INVALID_REQUEST',
			'callback',
		],
		[
			'a callback that is no URL',
			{ ...good, callback: 'nonsense' },
			400,
			'INVALID_REQUEST',
			'callback',
		],
		[
			'a callback into a private network',
			{ ...good, callback: 'http://10.0.0.1/x' },
			422,
			'EGRESS_BLOCKED',
			'callback',
		],
		[
			'a notification to the metadata service',
			{ ...good, notify: [{ url: 'http://169.254.169.254/' }] },
			422,
			'EGRESS_BLOCKED',
			'notify[0].url',
		],
		[
			'a secret that is none',
			{ ...good, notify: [{ url: 'http://127.0.0.1/x', secret: 'abc' }] },
			400,
			'INVALID_REQUEST',
			'notify[0].secret',
		],
		[
			'a webhook into a private network',
			{
				...good,
				delivery: { targets: [{ channel: 'webhook', settings: { url: 'http://192.168.1.1/' } }] },
			},
			422,
			'EGRESS_BLOCKED',
			'delivery.targets[0].settings.url',
		],
		[
			'a target in other clothes',
			{ ...good, callback: 'http://[::ffff:10.0.0.1]/' },
			422,
			'EGRESS_BLOCKED',
			'callback',
		],
		[
			'a folder outside the roots',
			{ ...good, delivery: { targets: [{ channel: 'file', settings: { folder: '/etc' } }] } },
			422,
			'FILE_ROOT_FORBIDDEN',
			'delivery.targets[0].settings.folder',
		],
		[
			'a file name that climbs',
			{
				...good,
				delivery: {
					targets: [
						{ channel: 'webhook', settings: { url: 'http://127.0.0.1/' }, filename: '../x' },
					],
				},
			},
			422,
			'PATH_INVALID',
			'delivery.targets[0].filename',
		],
		[
			'a template that would compute',
			{
				...good,
				delivery: {
					targets: [
						{
							channel: 'webhook',
							settings: { url: 'http://127.0.0.1/' },
							filename: "{{constructor.constructor('x')()}}",
						},
					],
				},
			},
			422,
			'TEMPLATE_INVALID',
			'delivery.targets[0].filename',
		],
		[
			'an unknown format',
			{ ...good, delivery: { format: 'docx' } },
			422,
			'FORMAT_UNKNOWN',
			'delivery.format',
		],
		[
			'an unknown channel',
			{ ...good, delivery: { targets: [{ channel: 'fax', settings: {} }] } },
			422,
			'CHANNEL_UNKNOWN',
			'delivery.targets[0].channel',
		],
		[
			'a fallback that is wrong',
			{
				...good,
				delivery: {
					targets: [
						{
							channel: 'webhook',
							settings: { url: 'http://127.0.0.1/' },
							fallback: [{ destination: 'none' }],
						},
					],
				},
			},
			422,
			'DESTINATION_UNKNOWN',
			'delivery.targets[0].fallback[0].destination',
		],
		[
			'a delay above maxDelay',
			{ ...good, policies: { retry: { delay: '2h', maxDelay: '1h' } } },
			400,
			'INVALID_REQUEST',
			'policies.retry.delay',
		],
		[
			'a wrong policy',
			{ ...good, policies: { overlap: 'sometimes' } },
			400,
			'INVALID_REQUEST',
			'policies.overlap',
		],
		['an operator of a database', { ...good, name: { $ne: null } }, 400, 'INVALID_REQUEST', 'name'],
		[
			'another capability than that of the path',
			{ ...good, capability: 'other' },
			400,
			'INVALID_REQUEST',
			'capability',
		],
	];
	it.each(cases)('%s', async (_what, body, status, code, path) => {
		await refuses(async () => post(body), {
			status,
			code,
			...(path === undefined ? {} : { path }),
		});
	});

	it('an unknown capability', async () => {
		await refuses(async () => post(good, '/nothing/schedule'), { status: 404, code: 'NOT_FOUND' });
	});

	const deep = '['.repeat(40) + ']'.repeat(40);
	const text = (more: string): string =>
		`{"action":"go","timing":{"every":"1h"},"parameters":{"region":"EU"}${more}}`;
	const bodies: [string, string | Uint8Array, number, string][] = [
		['NaN', text(',"metadata":{"a":NaN}'), 400, 'INVALID_JSON'],
		['Infinity', text(',"metadata":{"a":-Infinity}'), 400, 'INVALID_JSON'],
		['a number beyond all numbers', text(',"metadata":{"a":1e999}'), 400, 'INVALID_JSON'],
		['a key twice', text(',"action":"go"'), 400, 'DUPLICATE_KEY'],
		['a key of the prototype', text(',"metadata":{"__proto__":{"a":1}}'), 400, 'FORBIDDEN_KEY'],
		['nesting without end', text(`,"metadata":{"a":${deep}}`), 400, 'TOO_DEEP'],
		[
			'bytes that are no UTF-8',
			Buffer.concat([Buffer.from('{"action":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
			400,
			'NOT_UTF8',
		],
		['half a document', '{"action":', 400, 'INVALID_JSON'],
		['a document of another kind', '[]', 400, 'INVALID_REQUEST'],
		[
			'a body of megabytes',
			text(`,"metadata":{"a":"${'x'.repeat(2_000_000)}"}`),
			413,
			'BODY_TOO_LARGE',
		],
	];
	it.each(bodies)('JSON: %s', async (_what, body, status, code) => {
		await refuses(async () => post(body), { status, code });
	});

	it('another media type', async () => {
		const ask = {
			body: 'action=go',
			headers: { 'content-type': 'application/x-www-form-urlencoded' },
		};
		await refuses(async () => bed.admin.send('POST', '/reports/schedule', ask), {
			status: 415,
			code: 'UNSUPPORTED_MEDIA_TYPE',
		});
	});
});

describe('a capability is refused', () => {
	const cases: [string, object, string][] = [
		[
			'with a target in a private network',
			{ binding: { type: 'http', url: 'http://172.16.0.1/' } },
			'EGRESS_BLOCKED',
		],
		[
			'with the metadata service as a number',
			{ binding: { type: 'http', url: 'http://2852039166/' } },
			'EGRESS_BLOCKED',
		],
		['with a binding that is not known', { binding: { type: 'telnet' } }, 'BINDING_INVALID'],
		[
			'with a schema that is none',
			{
				binding: { type: 'http', url: 'http://127.0.0.1/' },
				actions: { go: { parameters: { type: 7 } } },
			},
			'INVALID_SCHEMA',
		],
		[
			'with a schema that is elsewhere',
			{
				binding: { type: 'http', url: 'http://127.0.0.1/' },
				actions: { go: { parameters: { $ref: 'http://example.org/x' } } },
			},
			'INVALID_SCHEMA',
		],
	];
	it.each(cases)('%s', async (_what, more, code) => {
		await refuses(
			async () => bed.admin.put('/v1/capabilities/bad', { actions: { go: {} }, ...more }),
			{ status: 422, code },
		);
	});
});
