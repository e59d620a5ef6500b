import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { request } from 'undici';

import { createEgress } from '../../../engine/security/egress.ts';
import type { EgressOptions } from '../../../engine/security/egress.ts';
import type { Egress } from '../../../engine/security/security.port.ts';

const made: Egress[] = [];
function guard(options: Partial<EgressOptions> = {}): Egress {
	const egress = createEgress({
		allow: [],
		allowLoopback: false,
		httpsOnly: false,
		resolve: async (hostname) => Promise.reject(new Error(`ENOTFOUND ${hostname}`)),
		...options,
	});
	made.push(egress);
	return egress;
}
afterEach(async () => {
	await Promise.all(made.splice(0).map(async (egress) => egress.close()));
});

/** A resolver that knows one name, with an answer after the other. */
function resolver(name: string, ...answers: string[][]): NonNullable<EgressOptions['resolve']> {
	let asked = 0;
	return async (hostname): Promise<LookupAddress[]> => {
		if (hostname !== name) throw new Error(`ENOTFOUND ${hostname}`);
		const addresses = answers[Math.min(asked++, answers.length - 1)] ?? [];
		return Promise.resolve(
			addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
		);
	};
}

const blocked = { name: 'CapError', code: 'EGRESS_BLOCKED', status: 422, retry: 'never' };

const INSIDE = [
	'127.0.0.1',
	'127.255.255.254',
	'0.0.0.0',
	'0.1.2.3',
	'10.1.2.3',
	'172.16.0.1',
	'192.168.1.1',
	'100.64.0.1',
	'100.100.100.200',
	'169.254.169.254',
	'169.254.1.1',
	'168.63.129.16',
	'192.0.0.192',
	'192.0.2.1',
	'198.18.0.1',
	'224.0.0.1',
	'240.0.0.1',
	'255.255.255.255',
	'::',
	'::1',
	'::127.0.0.1',
	'::ffff:127.0.0.1',
	'::ffff:a9fe:a9fe',
	'::ffff:0:127.0.0.1',
	'64:ff9b::7f00:1',
	'64:ff9b::a9fe:a9fe',
	'64:ff9b:1::a00:1',
	'2002:7f00:1::',
	'2002:a9fe:a9fe::1',
	'2001:0:4136:e378:8000:63bf:3fff:fdd2',
	'2001:db8::1',
	'fc00::1',
	'fd00:ec2::254',
	'fe80::1',
	'fec0::1',
	'ff02::1',
	'100::1',
	'3fff::1',
	'4000::1',
];

describe('literal addresses', () => {
	it.each(INSIDE)('refuses %s', async (address) => {
		const host = address.includes(':') ? `[${address}]` : address;
		const egress = guard();
		await expect(egress.checkUrl(`https://${host}/`, 'callback')).rejects.toMatchObject({
			...blocked,
			issues: [{ path: 'callback' }],
		});
		await expect(egress.checkHost(address, 5432, 'binding.host')).rejects.toMatchObject(blocked);
		await expect(
			request(`https://${host}/`, { dispatcher: egress.dispatcher }),
		).rejects.toMatchObject(blocked);
	});

	it.each(['8.8.8.8', '1.1.1.1', '[2606:4700::1111]', '[::ffff:8.8.8.8]'])(
		'lets %s through',
		async (host) => {
			await expect(guard().checkUrl(`https://${host}/`, 'url')).resolves.toBeUndefined();
			await expect(guard().checkHost(host, 443, 'host')).resolves.toBeUndefined();
		},
	);

	it.each([
		'0x7f.1',
		'0x7f000001',
		'2130706433',
		'0177.0.0.1',
		'127.1',
		'127.0.0.1.',
		'①②⑦.0.0.1',
		'0xA9FEA9FE',
		'169.254.43518',
		'0',
		'LOCALHOST',
		'localhost.',
		'METADATA.google.internal.',
		'metadata',
	])('sees %s for what it is', async (host) => {
		const resolve: EgressOptions['resolve'] = async () =>
			Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
		const egress = guard({ resolve });
		await expect(egress.checkUrl(`http://${host}/`, 'url')).rejects.toMatchObject(blocked);
		await expect(egress.checkHost(host, 80, 'host')).rejects.toMatchObject(blocked);
		await expect(
			request(`http://${host}/`, { dispatcher: egress.dispatcher }),
		).rejects.toMatchObject(blocked);
	});

	it.each(['fe80::1%eth0', '[::1%25lo]', '::1%lo', 'a b', 'a/b', 'a@b', 'a:b', '', '[', 'a#b'])(
		'refuses the host %j',
		async (host) => {
			await expect(guard().checkHost(host, 80, 'host')).rejects.toMatchObject(blocked);
		},
	);
});

describe('URLs', () => {
	it.each([
		'ftp://example.org/',
		'file:///etc/passwd',
		'gopher://example.org/',
		'javascript:alert(1)',
		'//example.org/',
		'example.org',
		'http://',
		'https://user@8.8.8.8/',
		'https://user:secret@8.8.8.8/',
		'http://[fe80::1%25eth0]/',
	])('refuses %s', async (url) => {
		const refused = guard().checkUrl(url, 'url');
		await expect(refused).rejects.toMatchObject(blocked);
		await expect(refused).rejects.not.toThrow('secret');
	});

	it('refuses plain http to the public internet where https is demanded', async () => {
		const egress = guard({ httpsOnly: true, resolve: resolver('example.org', ['93.184.216.34']) });
		await expect(egress.checkUrl('http://example.org/', 'url')).rejects.toMatchObject(blocked);
		await expect(egress.checkUrl('http://unknown.org/', 'url')).rejects.toMatchObject(blocked);
		await expect(egress.checkUrl('http://8.8.8.8/', 'url')).rejects.toMatchObject(blocked);
		await expect(egress.checkUrl('https://example.org/', 'url')).resolves.toBeUndefined();
		await expect(
			request('http://8.8.8.8/', { dispatcher: egress.dispatcher }),
		).rejects.toMatchObject(blocked);
	});

	it('leaves a name that does not resolve now to be judged when it is called', async () => {
		await expect(guard().checkUrl('https://not-yet.org/', 'url')).resolves.toBeUndefined();
	});
});

describe('names', () => {
	it('refuses a name when any of its addresses is bad', async () => {
		const egress = guard({ resolve: resolver('mixed.org', ['93.184.216.34', '10.0.0.1']) });
		await expect(egress.checkUrl('https://mixed.org/', 'url')).rejects.toMatchObject(blocked);
		await expect(
			request('https://mixed.org/', { dispatcher: egress.dispatcher }),
		).rejects.toMatchObject(blocked);
		await expect(egress.connect('mixed.org', 443, { timeout: 1000 })).rejects.toMatchObject(
			blocked,
		);
	});

	it('tells nobody what the name resolves to', async () => {
		const egress = guard({ resolve: resolver('inner.org', ['10.9.8.7']) });
		await expect(egress.checkUrl('https://inner.org/', 'url')).rejects.not.toThrow('10.9.8.7');
	});
});

describe('on a real socket', () => {
	let server: Server;
	let port: number;
	let connections = 0;
	const sockets = new Set<Socket>();

	beforeAll(async () => {
		server = createServer((socket) => {
			connections += 1;
			sockets.add(socket);
			socket.on('error', () => undefined);
			socket.on('data', () => {
				socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
			});
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		({ port } = server.address() as AddressInfo);
	});
	afterAll(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	afterEach(() => {
		connections = 0;
	});

	async function get(egress: Egress, host: string): Promise<number> {
		const { statusCode, body } = await request(`http://${host}:${port}/`, {
			dispatcher: egress.dispatcher,
		});
		await body.dump();
		return statusCode;
	}

	it('refuses a name that is rebound between the check and the call', async () => {
		const egress = guard({ resolve: resolver('rebound.org', ['93.184.216.34'], ['127.0.0.1']) });
		await expect(egress.checkUrl(`http://rebound.org:${port}/`, 'url')).resolves.toBeUndefined();
		await expect(get(egress, 'rebound.org')).rejects.toMatchObject(blocked);
		expect(connections).toBe(0);
	});

	it('refuses a public name that leads to loopback even where loopback is allowed', async () => {
		const egress = guard({ allowLoopback: true, resolve: resolver('evil.org', ['127.0.0.1']) });
		await expect(get(egress, 'evil.org')).rejects.toMatchObject(blocked);
		await expect(egress.connect('evil.org', port, { timeout: 1000 })).rejects.toMatchObject(
			blocked,
		);
		expect(connections).toBe(0);
	});

	it('judges the socket once more after it has connected', async () => {
		let asked = 0;
		// the answer is judged as public, and then is not: a getter, as no resolver should be
		const resolve: EgressOptions['resolve'] = async () =>
			Promise.resolve([
				{
					family: 4,
					get address() {
						return asked++ === 0 ? '93.184.216.34' : '127.0.0.1';
					},
				},
			]);
		await expect(get(guard({ resolve }), 'shifty.org')).rejects.toMatchObject(blocked);
		asked = 0;
		await expect(
			guard({ resolve }).connect('shifty.org', port, { timeout: 1000 }),
		).rejects.toMatchObject(blocked);
	});

	it.each(['127.0.0.1', 'localhost'])('lets %s through where loopback is allowed', async (host) => {
		const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
		made.push(egress);
		await expect(get(egress, host)).resolves.toBe(200);
		await expect(egress.checkUrl('http://192.168.0.1/', 'url')).rejects.toMatchObject(blocked);
		const socket = await egress.connect(host, port, { timeout: 1000 });
		expect(socket.remoteAddress).toContain('127.0.0.1');
		socket.destroy();
	});

	it('asks the resolver once for connections that are opened at once, and never for a reused one', async () => {
		let asked = 0;
		const egress = guard({
			allow: ['inner.org'],
			resolve: async () => {
				asked += 1;
				return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
			},
		});
		await Promise.all(Array.from({ length: 20 }, async () => get(egress, 'inner.org')));
		expect(asked).toBe(1);
		const opened = connections;
		for (let i = 0; i < 20; i++) await get(egress, 'inner.org');
		expect(asked).toBe(1);
		expect(connections).toBe(opened);
	});

	it('ends a connection that is aborted', async () => {
		const egress = guard({ allowLoopback: true });
		const signal = AbortSignal.abort();
		await expect(
			egress.connect('127.0.0.1', port, { timeout: 1000, signal }),
		).rejects.toMatchObject({ code: 'CANCELLED' });
	});

	it('says when nobody listens', async () => {
		const egress = guard({ allow: ['127.0.0.1'] });
		await expect(egress.connect('127.0.0.1', 1, { timeout: 1000 })).rejects.toMatchObject({
			code: 'TARGET_UNREACHABLE',
			retry: 'later',
		});
	});
});

describe('what the operator allows', () => {
	it.each([
		['10.0.0.0/8', 'http://10.1.2.3/', true],
		['10.0.0.0/8', 'http://[::ffff:10.1.2.3]/', true],
		['10.0.0.0/8', 'http://11.1.2.3/', false],
		['10.0.0.1:8080', 'http://10.0.0.1:8080/', true],
		['10.0.0.1:8080', 'http://10.0.0.1/', false],
		['fd00::/8', 'http://[fd12::1]/', true],
		['[fd12::1]:81', 'http://[fd12::1]:81/', true],
		['[fd12::1]:81', 'http://[fd12::1]:82/', false],
		['fd12::1', 'http://[fd12::1]/', true],
		['CRM.internal', 'http://crm.internal./', true],
		['crm.internal:443', 'https://crm.internal/', true],
		['crm.internal:443', 'http://crm.internal/', false],
		['crm.internal', 'http://x.crm.internal/', false],
		['169.254.0.0/16', 'http://169.254.169.254/', false],
		['0.0.0.0/0', 'http://169.254.169.254/', false],
		['169.254.169.254', 'http://169.254.169.254/', true],
		['64:ff9b::/96', 'https://[64:ff9b::808:808]/', true],
		['64:ff9b::/96', 'https://[64:ff9b::a00:1]/', false],
		['64:ff9b::/96', 'https://[64:ff9b::a9fe:a9fe]/', false],
	])('%s: %s %s', async (entry, url, fine) => {
		const egress = guard({
			allow: [entry],
			httpsOnly: true,
			resolve: async () => Promise.resolve([{ address: '10.7.7.7', family: 4 }]),
		});
		const checked = egress.checkUrl(url, 'url');
		if (fine) await expect(checked).resolves.toBeUndefined();
		else await expect(checked).rejects.toMatchObject(blocked);
	});

	it('never takes a listed name to a metadata service', async () => {
		const egress = guard({
			allow: ['inner.org'],
			resolve: resolver('inner.org', ['169.254.169.254']),
		});
		await expect(egress.checkUrl('http://inner.org/', 'url')).rejects.toMatchObject(blocked);
	});

	it.each([
		'',
		'a b',
		'10.0.0.0/33',
		'10.0.0',
		'10.0/8',
		'http://x/',
		'x:99999',
		'x:0',
		'*',
		'[::1',
	])('refuses the entry %j, naming it', (entry) => {
		expect(() => guard({ allow: ['fine.org', entry] })).toThrow('CAPSCHEDULER_EGRESS_ALLOW[1]');
	});
});
