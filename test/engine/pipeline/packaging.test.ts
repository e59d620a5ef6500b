import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as openpgp from 'openpgp';

import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { demand, startBed } from '../../support/engine.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const CSV = 'id,name\r\n1,a\r\n';
const PASSWORD = 'correct horse battery';
const PASSPHRASE = 'staple of the key';

let server: CapabilityServer;
let bed: Bed;
let result: unknown;
let ours: openpgp.PrivateKey;
let ourKey: string;
let theirs: openpgp.PrivateKey;
let theirKey: string;
let lines: string[];

beforeAll(async () => {
	server = await new CapabilityServer().start();
	lines = [];
	bed = await startBed({ CAPSCHEDULER_LOG: 'debug' }, { writeLog: (line) => lines.push(line) });
	await mkdir(join(bed.folder, 'out'));
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
	});
	await bed.register('rows', url);
	const date = new Date('2026-11-01T00:00:00Z');
	const generate = async (email: string) =>
		openpgp.generateKey({ userIDs: [{ email }], date, format: 'object' });
	const [mine, other] = await Promise.all([generate('us@a.example'), generate('they@b.example')]);
	ours = mine.privateKey;
	theirs = other.privateKey;
	theirKey = other.publicKey.armor();
	ourKey = (await openpgp.encryptKey({ privateKey: ours, passphrase: PASSPHRASE })).armor();
});
beforeEach(() => {
	result = [{ id: 1, name: 'a' }];
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

let made = 0;
/** A folder of its own, and a target for it. */
function shelf(more: object = {}, settings: object = {}) {
	const folder = `shelf-${made++}`;
	const target = {
		channel: 'file',
		settings: { folder, ...settings },
		format: 'csv',
		filename: 'rows.{{ext}}',
		...more,
	};
	return { path: join(bed.folder, 'out', folder), target };
}
async function deliver(target: object, state = 'delivered'): Promise<Body> {
	const id = await bed.invoke('rows', { delivery: { mode: 'push', targets: [target] } });
	await bed.runIn(id);
	return bed.deliveryIn((await bed.run(id)).deliveries[0].id, state);
}
const refuse = (target: object) =>
	bed.admin.post('/v1/capabilities/rows/actions/go/invoke', { delivery: { targets: [target] } });
const sha256 = (bytes: Uint8Array | string): string =>
	createHash('sha256').update(bytes).digest('hex');
/** What another program finds in the archive. */
function archived(path: string): Record<string, string> {
	const script =
		'import json,sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\n' +
		'print(json.dumps({n:z.read(n).decode("latin1") for n in z.namelist()}))';
	const { stdout, stderr, status } = spawnSync('python3', ['-c', script, path], {
		encoding: 'utf8',
	});
	if (status !== 0) throw new Error(stderr);
	return JSON.parse(stdout) as Record<string, string>;
}
async function opened(bytes: Uint8Array, verificationKeys?: openpgp.Key): Promise<string> {
	const message = await openpgp.readMessage({ binaryMessage: bytes });
	const { data, signatures } = await openpgp.decrypt({
		message,
		decryptionKeys: theirs,
		format: 'binary',
		date: new Date(bed.clock.now()),
		...(verificationKeys === undefined ? {} : { verificationKeys, expectSigned: true }),
	});
	if (verificationKeys !== undefined) expect(await signatures[0]?.verified).toBe(true);
	return Buffer.from(data).toString();
}

describe('an archive', () => {
	it('holds several formats of one result, and the receipt lists them with their hashes', async () => {
		const files = [
			{ format: 'json' },
			{ format: 'tsv', filename: 'again.csv' },
			{ format: 'csv', filename: 'Rows.csv' },
		];
		const { path, target } = shelf({ package: [{ type: 'zip', files }] });
		const { receipt } = await deliver(target);
		const inside = archived(join(path, 'rows.zip'));
		expect(Object.keys(inside)).toEqual(['rows.csv', 'rows.json', 'again.csv', 'Rows-2.csv']);
		expect(inside['rows.csv']).toBe(CSV);
		expect(inside['again.csv']).toBe(CSV.replaceAll(',', '\t'));
		expect(receipt.contents).toEqual(
			Object.entries(inside).map(([name, text]) => ({
				name,
				size: text.length,
				sha256: sha256(text),
			})),
		);
	});

	it('that several targets want at the same time is packed once for all of them', async () => {
		const { packagings, store } = bed.engine.context;
		const zip = packagings.get('zip')!;
		const { getArtifact } = store;
		const { pack } = zip;
		let asked = 0;
		let packed = 0;
		const both = Promise.withResolvers<void>();
		// the first that finds no archive waits for the second: so both would make one
		store.getArtifact = async (...wanted) => {
			const found = await getArtifact(...wanted);
			if (found === null && ++asked >= 2) both.resolve();
			if (found === null) await both.promise;
			return found;
		};
		zip.pack = (...work) => {
			packed++;
			return pack(...work);
		};
		try {
			const targets = [1, 2].map(() => shelf({ package: ['zip'], format: 'raw' }).target);
			const id = await bed.invoke('rows', { delivery: { mode: 'push', targets } });
			await bed.runIn(id);
			for (const delivery of (await bed.run(id)).deliveries) {
				await bed.deliveryIn(delivery.id, 'delivered');
			}
			expect([asked, packed]).toEqual([2, 1]);
		} finally {
			Object.assign(store, { getArtifact });
			Object.assign(zip, { pack });
		}
	});

	it('holds a file for each result set, and no archive in the archive', async () => {
		result = { orders: [{ id: 1 }], customers: [{ id: 7 }] };
		const { path, target } = shelf({ package: ['zip'] });
		await deliver(target);
		expect(archived(join(path, 'rows.zip'))).toEqual({
			'orders.csv': 'id\r\n1\r\n',
			'customers.csv': 'id\r\n7\r\n',
		});
	});

	it('is encrypted once: a repeat and another place get the identical bytes', async () => {
		const hook = await startReceiver();
		try {
			const target = {
				channel: 'webhook',
				settings: { url: hook.url },
				format: 'csv',
				package: [{ type: 'zip', password: PASSWORD }],
			};
			const { id } = await deliver(target);
			demand(await bed.admin.post(`/v1/deliveries/${id}/replay`), 202);
			await bed.until(() => hook.received.length === 2);
			const { path, target: elsewhere } = shelf();
			const { channel, settings } = elsewhere as Body;
			const { body } = demand(
				await bed.admin.post(`/v1/deliveries/${id}/replay`, { target: { channel, settings } }),
				202,
			);
			await bed.deliveryIn(body.id, 'delivered');
			const [name = ''] = await readdir(path);
			const [first, second] = hook.received.map(({ body: bytes }) => bytes);
			expect(second!.equals(first!)).toBe(true);
			expect((await readFile(join(path, name))).equals(first!)).toBe(true);
			expect(first!.includes(CSV)).toBe(false);
		} finally {
			await hook.close();
		}
	});
});

describe('OpenPGP', () => {
	it('encrypts for the recipient and signs, so that both can be checked', async () => {
		const step = {
			type: 'pgp',
			recipients: [theirKey],
			signingKey: ourKey,
			passphrase: PASSPHRASE,
		};
		const { path, target } = shelf({ package: ['gzip', step] });
		const { receipt } = await deliver(target);
		expect(receipt.name).toBe('rows.csv.gz.pgp');
		const { target: plain } = shelf({ package: [{ ...step, armor: true }] });
		const armored = await deliver(plain);
		expect(armored.receipt.name).toBe('rows.csv.asc');
		const text = await readFile(armored.receipt.location, 'utf8');
		expect(text).toMatch(/^-----BEGIN PGP MESSAGE-----/);
		const { data } = await openpgp.unarmor(text);
		expect(await opened(data as Uint8Array, ours.toPublic())).toBe(CSV);
		expect((await readFile(join(path, 'rows.csv.gz.pgp'))).includes(CSV)).toBe(false);
	});

	it('packs what never was packed with the secrets that are sealed again for another place', async () => {
		const body = { name: 'off', channel: 'file', settings: { folder: 'off' }, enabled: false };
		demand(await bed.admin.post('/v1/destinations', body), 201);
		const step = {
			type: 'pgp',
			recipients: [theirKey],
			signingKey: ourKey,
			passphrase: PASSPHRASE,
		};
		const dead = await deliver({ destination: 'off', format: 'csv', package: [step] }, 'dead');
		expect(dead.error.code).toBe('TARGET_DISABLED');
		const { path, target } = shelf();
		const { channel, settings } = target as Body;
		const answer = demand(
			await bed.admin.post(`/v1/deliveries/${dead.id}/replay`, { target: { channel, settings } }),
			202,
		);
		await bed.deliveryIn(answer.body.id, 'delivered');
		const [name = ''] = await readdir(path);
		expect(await opened(await readFile(join(path, name)), ours.toPublic())).toBe(CSV);
	});

	it('is refused with a key that is none, is private, cannot be unlocked or is over', async () => {
		const { privateKey, publicKey } = await openpgp.generateKey({
			userIDs: [{ email: 'old@a.example' }],
			date: new Date('2026-01-01T00:00:00Z'),
			keyExpirationTime: 60,
			format: 'object',
		});
		for (const [step, path, expected] of [
			[{ recipients: ['x'] }, 'recipients[0]', 'an armored OpenPGP public key'],
			[{ recipients: [theirKey, privateKey.armor()] }, 'recipients[1]', 'private'],
			[{ recipients: [publicKey.armor()] }, 'recipients[0]', 'expired'],
			[{ signingKey: theirKey }, 'signingKey', 'an armored OpenPGP private key'],
			[{ signingKey: ourKey }, 'passphrase', 'the passphrase of the signing key'],
			[{ signingKey: ourKey, passphrase: 'wrong' }, 'passphrase', 'the passphrase of key'],
		] as const) {
			const { status, body } = await refuse(shelf({ package: [{ type: 'pgp', ...step }] }).target);
			expect(status).toBe(400);
			expect(body.errors[0].path).toBe(`delivery.targets[0].package[0].${path}`);
			expect(body.errors[0].expected).toContain(expected);
			expect(JSON.stringify(body)).not.toContain('wrong');
		}
	});
});

describe('packaging', () => {
	it('shows no secret: not in answers, events, receipts or the log', async () => {
		const steps = [
			{ type: 'zip', password: PASSWORD },
			{ type: 'pgp', signingKey: ourKey, passphrase: PASSPHRASE, armor: true },
		];
		const { target } = shelf({ package: steps });
		const { scheduleId } = await bed.schedule('rows', {
			timing: { every: '1d' },
			delivery: { mode: 'push', targets: [target] },
		});
		const { body } = demand(await bed.admin.get(`/v1/schedules/${scheduleId}`), 200);
		expect(body.delivery.targets[0].package).toEqual([
			{ type: 'zip', password: '(secret)' },
			{ type: 'pgp', armor: true, signingKey: '(secret)', passphrase: '(secret)' },
		]);
		demand(await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`), 201, 202);
		const delivered = await bed.until(async () => {
			const list = demand(await bed.admin.get(`/v1/deliveries?scheduleId=${scheduleId}`), 200);
			const [one] = list.body.items as Body[];
			return one?.state === 'delivered' && one;
		});
		const told = JSON.stringify([body, delivered, await bed.events(), lines]);
		for (const secret of [PASSWORD, PASSPHRASE, 'PRIVATE KEY BLOCK']) {
			expect(told).not.toContain(secret);
		}
	});

	it.each([
		[
			'a further file that is not in the first step',
			['gzip', { type: 'zip', files: [{ format: 'json' }] }],
			400,
		],
		['a further file of no format', [{ type: 'zip', files: [{ format: 'nope' }] }], 422],
		['a password that is too short', [{ type: 'zip', password: 'short' }], 400],
		['a step twice', ['zip', { type: 'zip', password: PASSWORD }], 400],
		['neither a key to encrypt nor one to sign', [{ type: 'pgp' }], 400],
		['pgp without options', ['pgp'], 400],
	])('is refused with %s', async (_, steps, status) => {
		expect((await refuse(shelf({ package: steps }).target)).status).toBe(status);
	});
});

describe('sidecars', () => {
	it('come once the file is there, tell of it, and stand in the receipt', async () => {
		const { path, target } = shelf({
			package: ['gzip'],
			sidecars: { checksums: ['sha256', 'md5'], manifest: true, done: true },
		});
		const { id, runId, receipt } = await deliver(target);
		const name = 'rows.csv.gz';
		expect(receipt.files.map(({ role, name: one }: Body) => [role, one])).toEqual([
			['data', name],
			['checksum', `${name}.sha256`],
			['checksum', `${name}.md5`],
			['manifest', `${name}.manifest.json`],
			['done', `${name}.done`],
		]);
		for (const file of receipt.files) {
			const bytes = await readFile(join(path, file.name));
			expect(file).toMatchObject({ size: bytes.length, sha256: sha256(bytes) });
		}
		for (const program of ['sha256sum', 'md5sum']) {
			const sums = `${name}.${program.slice(0, -3)}`;
			const { stdout } = spawnSync(program, ['-c', sums], { cwd: path, encoding: 'utf8' });
			expect(stdout).toBe(`${name}: OK\n`);
		}
		const manifest = JSON.parse(await readFile(join(path, `${name}.manifest.json`), 'utf8'));
		expect(manifest).toMatchObject({
			manifestVersion: 1,
			deliveryId: id,
			runId,
			schedule: null,
			capability: 'rows',
			files: [{ name, size: receipt.size, sha256: receipt.sha256, packaging: ['gzip'] }],
		});
	});

	it('bear the name that the file got, and take theirs from what an older file left', async () => {
		const { path, target } = shelf({ sidecars: { checksums: ['sha256'], done: true } });
		await mkdir(path);
		await writeFile(join(path, 'rows.csv'), 'something else');
		await writeFile(join(path, 'rows-1.csv.sha256'), 'of a file that is gone');
		const { receipt } = await deliver(target);
		expect(receipt.name).toBe('rows-1.csv');
		expect((await readdir(path)).sort()).toEqual([
			'rows-1.csv',
			'rows-1.csv.done',
			'rows-1.csv.sha256',
			'rows.csv',
		]);
		expect(await readFile(join(path, 'rows-1.csv.sha256'), 'utf8')).toBe(
			`${sha256(CSV)}  rows-1.csv\n`,
		);
	});

	it('replace nothing where nothing may be replaced, and the marker does not come', async () => {
		const { path, target } = shelf(
			{ sidecars: { checksums: ['sha256'], done: true } },
			{ overwrite: 'refuse' },
		);
		await mkdir(path);
		await writeFile(join(path, 'rows.csv.sha256'), 'taken');
		const dead = await deliver(target, 'dead');
		expect(dead.error.message).toContain('"rows.csv" has arrived, "rows.csv.sha256" has not');
		expect((await readdir(path)).sort()).toEqual(['rows.csv', 'rows.csv.sha256']);
		expect(await readFile(join(path, 'rows.csv.sha256'), 'utf8')).toBe('taken');
	});

	it('are the same bytes in a replay, which finds all as it is', async () => {
		const { path, target } = shelf({
			sidecars: { checksums: ['sha256'], manifest: true, done: true },
		});
		const { id } = await deliver(target);
		const before = await Promise.all(
			(await readdir(path)).map(async (name) => [name, sha256(await readFile(join(path, name)))]),
		);
		demand(await bed.admin.post(`/v1/deliveries/${id}/replay`), 202);
		await bed.until(
			async () =>
				(await bed.events('delivery.delivered')).filter(
					({ subject }) => subject['deliveryId'] === id,
				).length === 2,
		);
		const after = await Promise.all(
			(await readdir(path)).map(async (name) => [name, sha256(await readFile(join(path, name)))]),
		);
		expect(after).toEqual(before);
	});

	it('leave room for their names behind the longest of names', async () => {
		const { path, target } = shelf({
			filename: `${'x'.repeat(247)}.{{ext}}`,
			package: ['gzip', 'zip'],
			sidecars: { checksums: ['sha256'], manifest: true },
		});
		await deliver(target);
		expect((await readdir(path)).every((name) => name.length <= 255)).toBe(true);
		expect(await readdir(path)).toHaveLength(3);
	});

	it('are refused where nothing keeps files, and go without on a fallback that keeps none', async () => {
		const target = {
			channel: 'webhook',
			settings: { url: 'http://127.0.0.1:9/' },
			sidecars: { done: true },
		};
		const { status, body } = await refuse(target);
		expect(status).toBe(400);
		expect(body.errors[0].path).toBe('delivery.targets[0].sidecars');
		expect(body.errors[0].expected).toMatch(/file, ftp, sftp.*s3/);
		const hook = await startReceiver();
		try {
			const fallback = [{ channel: 'webhook', settings: { url: hook.url } }];
			const { target: taken, path } = shelf(
				{ sidecars: { done: true }, fallback },
				{ overwrite: 'refuse' },
			);
			await mkdir(path);
			await writeFile(join(path, 'rows.csv'), 'taken');
			await deliver(taken, 'dead');
			await bed.until(() => hook.received.length === 1);
			expect(hook.received[0]!.body.toString()).toBe(CSV);
		} finally {
			await hook.close();
		}
	});
});
