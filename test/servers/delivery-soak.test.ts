/** @jest-environment ./test/support/node-errors.cjs */

/**
 * Deliveries by five channels to real servers, with faults all along: answers are lost and connections reset at
 * whatever point they have come to, and servers are killed and come back. Every one ends: delivered, byte for byte
 * and where the channel can tell once, or in the dead letters with the reason that was made for it.
 * CAPSCHEDULER_SOAK_SERVERS says how many: 5000 is the long form.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import pg from 'pg';

import type { Body } from '../support/api.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { contentsOf } from './folder-contents.ts';
import { startMailpit } from './mailpit.ts';
import { startPostgres } from './postgres.ts';
import { SSH_PASSWORD, SSH_USER, startSshd } from './sshd.ts';
import { ACCESS_KEY, BUCKET, SECRET_KEY, startVersitygw } from './versitygw.ts';
import { FTP_PASSWORD, FTP_USER, startVsftpd } from './vsftpd.ts';

const DELIVERIES = Number(process.env['CAPSCHEDULER_SOAK_SERVERS'] ?? 200);
/** vsftpd lets a port for data rest for a minute: too few of them, and all that goes by FTP waits for one. */
const PASSIVE = Math.max(40, Math.ceil(DELIVERIES / 5));
/** Of every so many pieces of a server's answers one is lost, and its connection with it. */
const LOST_EVERY = 97;
/** The clock jumps by this when nothing moves. */
const STEP = 300_000;
/** So often nothing must have moved before it does. */
const STILL = 5;
/**
 * And for so long, in real milliseconds, where something is being sent: then it hangs, and its time is over. Longer
 * than a channel waits for a server's last word, and than a busy machine takes for a step, or what does not hang
 * would be ended, attempt after attempt.
 */
const HANGS = 6000;
const ROWS = [
	{ id: 1, name: 'ä' },
	{ id: 2, name: 'b' },
];

let source: CapabilityServer;
let bed: Bed;
let faults: FaultProxy;
let servers: Awaited<ReturnType<typeof startServers>>;
let database: pg.Client;
let targets: { channel: string; settings: object; hopeless?: boolean }[];

async function startServers() {
	const [ftp, sftp, s3, mail, postgres] = await Promise.all([
		startVsftpd({ tls: 'none', passive: PASSIVE }),
		startSshd(),
		startVersitygw(),
		startMailpit(),
		startPostgres(),
	]);
	return { ftp, sftp, s3, mail, postgres };
}

async function settingsOf() {
	const { ftp, sftp, s3, mail, postgres } = servers;
	const behind = async (port: number): Promise<number> => faults.proxy({ host: '127.0.0.1', port });
	const host = '127.0.0.1';
	for (const passive of ftp.passivePorts) {
		await faults.proxy({ host: ftp.host, port: passive }, passive);
	}
	const ssh = {
		...{ host, port: await behind(sftp.port), user: SSH_USER, password: SSH_PASSWORD },
		...{ hostKey: sftp.hostKeys.ed25519.line, folder: sftp.root },
	};
	const login = { user: 'postgres', password: 'secret', database: 'postgres', tls: false };
	return [
		{
			channel: 'ftp',
			settings: {
				...{ host, port: await faults.proxy(ftp), user: FTP_USER, password: FTP_PASSWORD },
				tls: 'none',
			},
		},
		{ channel: 'sftp', settings: ssh },
		{
			channel: 's3',
			settings: {
				...{
					bucket: BUCKET,
					endpoint: `https://${host}:${await behind(s3.port)}`,
					pathStyle: true,
				},
				...{ accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
				ca: await readFile(s3.cert, 'utf8'),
			},
		},
		{
			channel: 'email',
			settings: {
				...{ host, port: await behind(mail.port), ca: await readFile(mail.certFile, 'utf8') },
				...{ user: 'cap', password: 'secret', from: 'r@example.org', to: ['a@example.org'] },
				file: 'attach',
			},
		},
		{
			channel: 'database',
			settings: {
				...{ driver: 'postgres', host, port: await behind(postgres.port), ...login },
				...{ table: 'sales', loadIdColumn: 'load' },
			},
		},
		{
			channel: 'sftp',
			settings: { ...ssh, folder: `${sftp.root}/absent`, mkdir: false },
			hopeless: true,
		},
	];
}

beforeAll(async () => {
	[servers, source] = await Promise.all([startServers(), new CapabilityServer().start()]);
	faults = startFaultProxy();
	bed = await startBed({ CAPSCHEDULER_LEASE: '1h' });
	const { port } = servers.postgres;
	const login = { host: '127.0.0.1', user: 'postgres', password: 'secret', database: 'postgres' };
	database = new pg.Client({ ...login, port });
	await database.connect();
	await database.query('CREATE TABLE sales (id int, name text, load text)');
	const url = source.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ROWS));
	});
	await bed.register('rows', url);
	targets = await settingsOf();
}, 900_000);
afterAll(async () => {
	await bed.close();
	await Promise.all([source.close(), faults.stop(), database.end()]);
	const { ftp, sftp, s3, mail, postgres } = servers;
	for (const server of [ftp, sftp, s3, mail, postgres]) await server.stop();
});

function targetOf({ channel, settings, hopeless }: (typeof targets)[number], i: number): object {
	const named = { format: 'csv', filename: `{{runId}}-${i}.{{ext}}` };
	return {
		...{ channel, settings },
		...(channel === 'database' ? {} : named),
		...(hopeless === true ? { within: '20m' } : {}),
	};
}

/** Servers die and come back while deliveries are under way. */
async function killAndStart(): Promise<void> {
	const { sftp, s3 } = servers;
	await Promise.all([sftp.kill(), s3.kill()]);
	await Promise.all([sftp.start(), s3.start()]);
}

async function untilOver(): Promise<void> {
	let before = '';
	let still = 0;
	let since = performance.now();
	for (;;) {
		const { deliveries: now } = await bed.engine.context.store.counts();
		const sending = now.sending ?? 0;
		if ((now.pending ?? 0) + (now.failed ?? 0) + sending === 0) return;
		const seen = JSON.stringify(now);
		if (seen === before) still += 1;
		else [still, since] = [0, performance.now()];
		before = seen;
		if (sending === 0 ? still >= STILL : performance.now() - since > HANGS) {
			[still, since] = [0, performance.now()];
			bed.clock.advance(STEP);
		}
		await bed.admin.get('/healthz');
	}
}

it(
	'every one is delivered, once where the channel can tell, or in the dead letters with a true reason',
	async () => {
		let pieces = 0;
		faults.set({ cutWhen: async () => Promise.resolve((pieces += 1) % LOST_EVERY === 0) });
		const runs = Math.ceil(DELIVERIES / targets.length);
		const ids: string[] = [];
		for (let run = 0; run < runs; run++) {
			const delivery = { mode: 'push', targets: targets.map(targetOf) };
			ids.push(await bed.invoke('rows', { delivery }));
			if (run % 50 === Math.min(20, runs >> 1)) await killAndStart();
		}
		for (const id of ids) await bed.runIn(id);
		await untilOver();
		faults.clear();

		const all = (
			await Promise.all(ids.map(async (id) => (await bed.run(id)).deliveries as Body[]))
		).flat();
		expect(all).toHaveLength(runs * targets.length);
		const isHopeless = ({ target }: Body): boolean => targets[Number(target)]?.hopeless === true;
		const wrong = all.filter((one) =>
			isHopeless(one)
				? one.state !== 'dead' ||
					!['TARGET_UNREACHABLE', 'DEADLINE_EXCEEDED'].includes(one.error?.code as string)
				: one.state !== 'delivered',
		);
		expect(
			wrong.slice(0, 5).map(({ channel, state, error }) => ({ channel, state, error })),
		).toEqual([]);
		expect(faults.cuts).toBeGreaterThan(DELIVERIES / 50);

		const good = all.filter((one) => !isHopeless(one));
		await filesAreThereOnce(good);
		await mailsAreThere(good.filter(({ channel }) => channel === 'email'));
		await rowsAreThereOnce(good.filter(({ channel }) => channel === 'database'));
	},
	60_000 + DELIVERIES * 1000,
);

/** One file for each delivery, of its bytes, and nothing half-written beside them. */
async function filesAreThereOnce(good: Body[]): Promise<void> {
	const folders = { ftp: servers.ftp.root, sftp: servers.sftp.root, s3: servers.s3.bucket };
	for (const [name, folder] of Object.entries(folders)) {
		const found = (await contentsOf(folder)).filter(({ path }) => !path.startsWith('.sgwtmp/'));
		const sent = good.filter(({ channel }) => channel === name);
		const wanted = sent.map(({ artifact }) => [artifact.filename, artifact.sha256]);
		expect(found.map(({ path, sha256 }) => [path, sha256]).sort()).toEqual(wanted.sort());
	}
}

/** What came twice came under one Message-ID. */
async function mailsAreThere(good: Body[]): Promise<void> {
	const mails = new Set((await servers.mail.messages()).map(({ MessageID }) => `<${MessageID}>`));
	expect([...mails].sort()).toEqual(good.map(({ receipt }) => receipt.remote.messageId).sort());
}

async function rowsAreThereOnce(good: Body[]): Promise<void> {
	const { rows } = await database.query<{ load: string; count: string }>(
		'SELECT load, count(*) AS count FROM sales GROUP BY load',
	);
	const wanted = good.map(({ id }) => [id, ROWS.length]);
	expect(rows.map(({ load, count }) => [load, Number(count)]).sort()).toEqual(wanted.sort());
}
