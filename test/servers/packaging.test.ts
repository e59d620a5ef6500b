import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';
import { ensureInstalled, run } from './process.ts';
import { pythonEnv } from './python-env.ts';
import { INSTALL_MS } from './readers.ts';

const PASSWORD = 'correct horse battery';
const PASSPHRASE = 'staple';
const ROWS = Array.from({ length: 5000 }, (_, id) => ({ id, name: `Größe ${id}` }));

let server: CapabilityServer;
let bed: Bed;
let python: string;
let home: string;

const gpg = async (...parameters: string[]): Promise<string> =>
	run('/usr/bin/gpg', ['--homedir', home, '--batch', ...parameters]);
const passing = (secret: string): string[] => [
	'--pinentry-mode',
	'loopback',
	'--passphrase',
	secret,
];

beforeAll(async () => {
	const [programs] = await Promise.all([
		pythonEnv('pyzipper', ['pyzipper==0.3.6']),
		ensureInstalled('/usr/bin/7z', 'p7zip-full').then(() =>
			ensureInstalled('/usr/bin/gpg', 'gnupg'),
		),
	]);
	python = join(programs, 'python');
	home = await mkdtemp(join(tmpdir(), 'capscheduler-gpg-'));
	for (const user of ['us@example.org', 'them@example.org']) {
		const secret = user.startsWith('us') ? PASSPHRASE : '';
		await gpg(...passing(secret), '--quick-generate-key', user, 'default', 'default', '1d');
	}
	server = await new CapabilityServer().start();
	// no sooner than the keys, and no later than now: gpg believes nothing of the future
	bed = await startBed({}, { clock: createFakeClock(Date.now()) });
	await mkdir(join(bed.folder, 'out'));
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ROWS));
	});
	await bed.register('rows', url);
}, INSTALL_MS);
afterAll(async () => {
	await bed.close();
	await server.close();
	// the agent that holds the keys goes with its folder
	await run('/usr/bin/gpgconf', ['--homedir', home, '--kill', 'all']);
	await rm(home, { recursive: true, force: true });
});

let made = 0;
async function deliver(more: object): Promise<{ folder: string; receipt: Body }> {
	const folder = `packed-${made++}`;
	const target = {
		channel: 'file',
		settings: { folder },
		format: 'csv',
		filename: 'rows ü.{{ext}}',
		...more,
	};
	const id = await bed.invoke('rows', { delivery: { mode: 'push', targets: [target] } });
	await bed.runIn(id);
	const { receipt } = await bed.deliveryIn((await bed.run(id)).deliveries[0].id, 'delivered');
	return { folder: join(bed.folder, 'out', folder), receipt };
}
const hashOf = async (path: string): Promise<string> =>
	createHash('sha256')
		.update(await readFile(path))
		.digest('hex');

describe('packed files are read by programs that are not ours', () => {
	it('an archive with a password: 7-Zip and pyzipper read every file of it, and none without', async () => {
		const files = [{ format: 'json' }, { format: 'xlsx' }];
		const { folder, receipt } = await deliver({
			package: [{ type: 'zip', password: PASSWORD, files }],
		});
		const archive = join(folder, 'rows ü.zip');
		const out = join(folder, 'unpacked');
		await run('/usr/bin/7z', ['x', `-p${PASSWORD}`, `-o${out}`, archive]);
		expect(receipt.contents.map(({ name }: Body) => name)).toEqual([
			'rows ü.csv',
			'rows ü.json',
			'rows ü.xlsx',
		]);
		for (const { name, sha256 } of receipt.contents) {
			expect(await hashOf(join(out, name))).toBe(sha256);
		}
		const read = `
import hashlib, json, pyzipper, sys
z = pyzipper.AESZipFile(sys.argv[1]); z.setpassword(sys.argv[2].encode())
print(json.dumps([[i.filename, i.wz_aes_strength * 64 + 64, hashlib.sha256(z.read(i)).hexdigest()] for i in z.infolist()]))`;
		const found = JSON.parse(await run(python, ['-c', read, archive, PASSWORD])) as unknown;
		expect(found).toEqual(receipt.contents.map(({ name, sha256 }: Body) => [name, 256, sha256]));
		await expect(run(python, ['-c', read, archive, 'another one'])).rejects.toThrow(/password/i);
		await expect(run('/usr/bin/7z', ['t', '-panother', archive])).rejects.toThrow(/password/i);
	});

	it.each([
		['binary', false, 'pgp'],
		['armored', true, 'asc'],
	])('OpenPGP, %s: gpg decrypts it and finds the signature good', async (_, armor, ending) => {
		const recipients = [await gpg('--armor', '--export', 'them@example.org')];
		const signingKey = await gpg(
			...passing(PASSPHRASE),
			'--armor',
			'--export-secret-keys',
			'us@example.org',
		);
		const { folder } = await deliver({
			package: [{ type: 'pgp', recipients, signingKey, passphrase: PASSPHRASE, armor }],
		});
		const { folder: plain } = await deliver({});
		const out = join(folder, 'decrypted.csv');
		const secret = join(folder, `rows ü.csv.${ending}`);
		const said = await gpg('--status-fd', '1', '--output', out, '--decrypt', secret);
		expect(said).toContain('GOODSIG');
		expect(said).toContain('DECRYPTION_OKAY');
		expect(await hashOf(out)).toBe(await hashOf(join(plain, 'rows ü.csv')));
	});

	it('checksums: sha256sum, sha512sum and md5sum find the file as it is, and see when it is not', async () => {
		const { folder } = await deliver({
			sidecars: { checksums: ['sha256', 'sha512', 'md5'], done: true },
		});
		for (const algorithm of ['sha256', 'sha512', 'md5']) {
			const check = `cd "$0" && ${algorithm}sum --strict -c "rows ü.csv.${algorithm}"`;
			expect(await run('/bin/sh', ['-c', check, folder])).toBe('rows ü.csv: OK\n');
			const bad = join(folder, algorithm);
			await mkdir(bad);
			await writeFile(join(bad, 'rows ü.csv'), 'other bytes');
			await copyFile(join(folder, `rows ü.csv.${algorithm}`), join(bad, `rows ü.csv.${algorithm}`));
			await expect(run('/bin/sh', ['-c', check, bad])).rejects.toThrow(/FAILED/);
		}
	});
});
