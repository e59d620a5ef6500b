import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Parcel, SendOutcome } from '../../engine/channels/channel.port.ts';
import { createEmailChannel } from '../../engine/channels/email/index.ts';
import type { EmailSettings } from '../../engine/channels/email/settings.ts';
import { systemClock } from '../../engine/clock.ts';
import { CapError } from '../../engine/contract/errors.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannel } from '../conformance/channels.ts';
import { largeParcel, parcelOf } from '../support/parcels.ts';
import type { Wire } from '../support/wire.ts';
import { startWire } from '../support/wire.ts';
import { makeCertificate } from './certificate.ts';
import type { Mail, Mailpit } from './mailpit.ts';
import { startMailpit } from './mailpit.ts';
import { run } from './process.ts';
import { pythonEnv } from './python-env.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
const channel = createEmailChannel({ egress, clock: systemClock });
const starting = startMailpit();
let server: Mailpit;
let base: Record<string, unknown>;

beforeAll(async () => {
	server = await starting;
	base = {
		host: '127.0.0.1',
		port: server.port,
		ca: await readFile(server.certFile, 'utf8'),
		user: 'cap',
		password: 'secret',
		from: 'Reports <reports@example.org>',
		to: ['ada@example.org'],
	};
}, 300_000);
afterAll(async () => {
	await egress.close();
	await (await starting).stop();
});

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function send(
	parcel: Parcel,
	more: Record<string, unknown> = {},
	{ signal = new AbortController().signal, attempt = 1, timeout = 60_000 } = {},
): Promise<SendOutcome> {
	const settings = channel.settings.parse({ ...base, ...more }) as EmailSettings;
	await channel.check(settings);
	const plan = channel.prepare(settings, parcel);
	return channel.send(plan, settings, parcel, { signal, attempt, timeout });
}

async function only(): Promise<Mail> {
	const [mail, ...more] = await server.messages();
	expect(more).toEqual([]);
	return mail!;
}

exerciseChannel('email', async () => {
	const mailpit = await starting;
	await mailpit.empty();
	const attachments = async (mails: Mail[]) =>
		Promise.all(
			mails.map(async ({ ID, Attachments }) => {
				const bytes = await mailpit.attachment(ID, Attachments[0]?.PartID ?? '');
				return { size: bytes.length, sha256: hashOf(bytes) };
			}),
		);
	return {
		channel: createEmailChannel({ egress, clock: systemClock }),
		settings: {
			host: '127.0.0.1',
			port: mailpit.port,
			ca: await readFile(mailpit.certFile, 'utf8'),
			user: 'cap',
			password: 'secret',
			from: 'reports@example.org',
			to: ['ada@example.org'],
			file: 'attach',
			maxAttachmentBytes: 100_000_000,
		},
		arrived: async ({ deliveryId }) => {
			const mails = await mailpit.messages();
			const mine = mails.filter(({ MessageID }) => MessageID === `${deliveryId}@example.org`);
			// readers tell repeats by their Message-ID, so a repeat counts as one
			return (await attachments(mine)).slice(0, 1);
		},
		traces: async () => (await mailpit.messages()).map(({ Subject }) => Subject),
		cleanup: async () => undefined,
	};
});

describe('a mail', () => {
	let folder: string;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-email-'));
	});
	afterAll(async () => rm(folder, { recursive: true, force: true }));
	beforeEach(async () => {
		await server.chaos({});
		await server.empty();
	});

	const report = {
		title: 'Tägliche Umsätze',
		preview: async () => ({
			columns: [{ name: 'id' }, { name: 'note' }],
			rows: [{ id: 1, note: '<b>x</b>' }],
			total: 3,
			more: true,
		}),
		link: async () => ({
			url: 'https://caps.example.org/r/lnk_1',
			expiresAt: '2027-02-01T00:00:00.000Z',
		}),
	};

	it('carries a file of any name byte for byte, and a summary in text and HTML', async () => {
		const bytes = Buffer.from([0, 13, 10, 46, 13, 10, 255, 10, 46, 10]);
		const parcel = parcelOf(bytes, {
			filename: 'Übersicht „März" 報告.bin',
			contentType: 'application/octet-stream',
			report,
		});
		const outcome = await send(parcel, {
			cc: ['Grace <grace@example.org>'],
			bcc: ['secret.reader@example.org'],
			text: 'Hello {{capability}}',
		});
		expect(outcome).toMatchObject({
			kind: 'delivered',
			receipt: {
				size: bytes.length,
				remote: {
					messageId: `<${parcel.deliveryId}@example.org>`,
					sentAs: 'attach',
					accepted: ['ada@example.org', 'grace@example.org', 'secret.reader@example.org'],
				},
			},
		});
		const mail = await only();
		expect(mail).toMatchObject({
			Subject: report.title,
			From: { Name: 'Reports', Address: 'reports@example.org' },
			MessageID: `${parcel.deliveryId}@example.org`,
			Attachments: [{ FileName: parcel.filename }],
		});
		expect(await server.attachment(mail.ID, mail.Attachments[0]!.PartID)).toEqual(bytes);
		expect(mail.Text).toContain('Hello reports');
		expect(mail.Text).toContain('the first 1 of 3 rows');
		expect(mail.HTML).toContain('&lt;b&gt;x&lt;/b&gt;');
		expect((await server.raw(mail.ID)).toString()).toMatch(/^Auto-Submitted: auto-generated/m);
	});

	it('is the HTML report itself, with a text beside it', async () => {
		const html = '<!doctype html>\n<h1>Umsätze</h1>\n';
		await send(
			parcelOf(html, { contentType: 'text/html; charset=utf-8', filename: 'r.html', report }),
		);
		const mail = await only();
		expect(mail.HTML.replaceAll('\r\n', '\n')).toBe(html);
		expect(mail.Text).toContain('Tägliche Umsätze');
		expect(mail.Attachments).toEqual([]);
	});

	it('has a link where the file is too large, and no part of the file', async () => {
		const parcel = largeParcel(200_000, { report });
		expect(await send(parcel, { maxAttachmentBytes: 100_000 })).toMatchObject({
			kind: 'delivered',
			receipt: { remote: { sentAs: 'link' } },
		});
		const mail = await only();
		expect(mail.Attachments).toEqual([]);
		expect(mail.Text).toContain('https://caps.example.org/r/lnk_1');
		expect(mail.HTML).toContain('href="https://caps.example.org/r/lnk_1"');
		const bare = await send(largeParcel(200_000), { maxAttachmentBytes: 100_000 });
		expect(bare).toMatchObject({ code: 'RESULT_TOO_LARGE', retry: 'never' });
	});

	it('of a message is the message, without a file', async () => {
		const message = {
			title: 'Daily sales failed',
			tone: 'bad' as const,
			facts: [['Error', 'TIMEOUT: <late>']] as const,
			link: null,
		};
		await send(parcelOf('{}', { contentType: 'application/json', message }));
		const mail = await only();
		expect(mail).toMatchObject({ Subject: 'Daily sales failed', Attachments: [] });
		expect(mail.Text).toContain('Error: TIMEOUT: <late>');
		expect(mail.HTML).toContain('TIMEOUT: &lt;late&gt;');
	});

	it('that some recipients may not have is delivered, and says who was refused', async () => {
		const outcome = await send(parcelOf('x'), { to: ['ada@example.org', 'eve@refused.example'] });
		expect(outcome).toMatchObject({
			kind: 'delivered',
			receipt: {
				remote: {
					partial: true,
					accepted: ['ada@example.org'],
					rejected: [{ address: 'eve@refused.example', reply: expect.stringMatching(/^5\d\d/) }],
				},
			},
		});
		const nobody = await send(parcelOf('x'), { to: ['eve@refused.example'] });
		expect(nobody).toMatchObject({ kind: 'failed', code: 'TARGET_REFUSED', retry: 'never' });
	});

	it('is signed so that another DKIM implementation finds it untouched', async () => {
		const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
		const dkimKey = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
		await send(largeParcel(300_000), {
			dkim: { domain: 'example.org', selector: 'cap' },
			dkimKey,
			unsubscribe: 'https://example.org/u?x=1',
		});
		const raw = await server.raw((await only()).ID);
		const file = join(folder, 'mail.eml');
		await writeFile(file, raw);
		const p = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
		const program = [
			'import dkim,sys',
			'raw=open(sys.argv[1],"rb").read()',
			'print(dkim.verify(raw, dnsfunc=lambda name, timeout=5: sys.argv[2].encode()))',
			'print(dkim.verify(raw.replace(b"ada@", b"eve@"), dnsfunc=lambda name, timeout=5: sys.argv[2].encode()))',
		].join('\n');
		const bin = await pythonEnv('dkim', ['dkimpy==1.1.8']);
		const said = await run(join(bin, 'python'), ['-c', program, file, `v=DKIM1; k=rsa; p=${p}`]);
		expect(said.trim().split('\n')).toEqual(['True', 'False']);
		expect(raw.toString()).toMatch(/^List-Unsubscribe: <https:\/\/example.org\/u\?x=1>\r?\n/m);
		expect(raw.toString()).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click/m);
	});

	it.each([
		['a wrong password', { password: 'wrong-canary' }, 'TARGET_LOGIN_FAILED', 'later'],
		[
			'no login where one is demanded',
			{ user: undefined, password: undefined },
			'TARGET_REFUSED',
			'never',
		],
		['a certificate that nobody vouches for', { ca: undefined }, 'TARGET_PROTOCOL', 'later'],
		['no server', { port: 1 }, 'TARGET_UNREACHABLE', 'later'],
	])('with %s fails, sends nothing and shows no secret', async (_case, more, code, retry) => {
		const outcome = await send(parcelOf('x'), more);
		expect(outcome).toMatchObject({ kind: 'failed', code, retry });
		expect(JSON.stringify(outcome)).not.toContain('canary');
		expect(await server.messages()).toEqual([]);
	});

	it('with another certificate than the pinned one sends nothing', async () => {
		const other = await makeCertificate(folder, 'other');
		const outcome = await send(parcelOf('x'), { ca: await readFile(other.cert, 'utf8') });
		expect(outcome).toMatchObject({ code: 'TARGET_PROTOCOL' });
	});

	it.each([
		['Sender', 451, 'TARGET_BUSY', 'later'],
		['Recipient', 450, 'TARGET_BUSY', 'later'],
		['Recipient', 550, 'TARGET_REFUSED', 'never'],
		['Sender', 552, 'RESULT_TOO_LARGE', 'never'],
		['Authentication', 454, 'TARGET_BUSY', 'later'],
		['Authentication', 535, 'TARGET_LOGIN_FAILED', 'later'],
	] as const)(
		'that the server answers at %s with %d is %s, tried again: %s',
		async (step, status, code, retry) => {
			await server.chaos({ [step]: status });
			expect(await send(parcelOf('x'))).toMatchObject({ kind: 'failed', code, retry });
			expect(await server.messages()).toEqual([]);
		},
	);

	describe('over a bad wire', () => {
		let wire: Wire;
		beforeEach(async () => {
			wire = await startWire(server.port);
		});
		afterEach(async () => wire.close());

		it('is whole or not there when the server is killed in the middle, and comes with the next attempt', async () => {
			const parcel = largeParcel(5_000_000);
			const dying = largeParcel(5_000_000, {
				deliveryId: parcel.deliveryId,
				onChunk: async (sent) => {
					if (sent === 65_536 * 20) await server.kill();
				},
			});
			expect(await send(dying, { file: 'attach' })).toMatchObject({
				code: 'TARGET_UNREACHABLE',
				retry: 'later',
			});
			await server.restart();
			expect(await server.messages()).toEqual([]);
			expect(await send(parcel, { file: 'attach' }, { attempt: 2 })).toMatchObject({
				kind: 'delivered',
			});
			const mail = await only();
			const bytes = await server.attachment(mail.ID, mail.Attachments[0]!.PartID);
			expect(hashOf(bytes)).toBe(parcel.sha256);
		});

		it('whose answer is lost is sent again under the same Message-ID', async () => {
			const parcel = parcelOf('once');
			let lost = false;
			// inside TLS nothing can be read: the answer to the mail is what follows the largest of our records
			let sent = 0;
			wire.toServer = (chunk) => {
				sent += chunk.length;
				return true;
			};
			wire.toClient = (_chunk, pair) => {
				if (lost || sent < 3000) return true;
				lost = true;
				pair.client.resetAndDestroy();
				return false;
			};
			const big = parcelOf(Buffer.alloc(20_000, 'x'), { deliveryId: parcel.deliveryId });
			expect(await send(big, { port: wire.port })).toMatchObject({
				code: 'TARGET_UNREACHABLE',
				retry: 'later',
			});
			expect(await send(big, { port: wire.port }, { attempt: 2 })).toMatchObject({
				kind: 'delivered',
			});
			const ids = (await server.messages()).map(({ MessageID }) => MessageID);
			expect(new Set(ids)).toEqual(new Set([`${parcel.deliveryId}@example.org`]));
		});

		it('ends in time when the server says nothing any more', async () => {
			let chunks = 0;
			wire.toClient = () => (chunks += 1) < 6;
			const outcome = await send(largeParcel(1_000_000), { port: wire.port }, { timeout: 1500 });
			expect(outcome).toMatchObject({ kind: 'failed', code: 'TIMEOUT', retry: 'later' });
		});

		it('ends with its connection when it is cancelled', async () => {
			const controller = new AbortController();
			const closed = Promise.withResolvers<void>();
			let chunks = 0;
			wire.toServer = (_chunk, pair) => {
				chunks += 1;
				if (chunks === 6) {
					void once(pair.client, 'close').then(() => {
						closed.resolve();
					});
					controller.abort(new CapError('FENCED', 'another engine has it'));
				}
				return true;
			};
			const outcome = await send(
				largeParcel(2_000_000),
				{ port: wire.port },
				{ signal: controller.signal },
			);
			expect(outcome).toMatchObject({ code: 'FENCED' });
			await closed.promise;
			expect(await server.messages()).toEqual([]);
		});

		it('is sent by a hundred at once, each once', async () => {
			const parcels = Array.from({ length: 100 }, (_, n) => parcelOf(`file ${n}`));
			const outcomes = await Promise.all(
				parcels.map(async (parcel) => send(parcel, { port: wire.port })),
			);
			expect(outcomes.filter(({ kind }) => kind !== 'delivered')).toEqual([]);
			const ids = (await server.messages()).map(({ MessageID }) => MessageID);
			expect(ids.sort()).toEqual(
				parcels.map(({ deliveryId }) => `${deliveryId}@example.org`).sort(),
			);
		});
	});
});

describe('the test of a mail destination', () => {
	const steps = async (more: object = {}): Promise<[string, boolean, string?][]> => {
		const seen: [string, boolean, string?][] = [];
		await channel.probe?.(channel.settings.parse({ ...base, ...more }), {
			signal: new AbortController().signal,
			report: ({ step, ok, code }) => seen.push(code === undefined ? [step, ok] : [step, ok, code]),
		});
		return seen;
	};

	it('goes as far as the login, and sends nothing', async () => {
		await server.chaos({});
		await server.empty();
		const upTo = [
			['dns', true],
			['connect', true],
		];
		expect(await steps()).toEqual([...upTo, ['tls', true], ['login', true]]);
		expect(await steps({ password: 'wrong' })).toEqual([
			...upTo,
			['tls', true],
			['login', false, 'TARGET_LOGIN_FAILED'],
		]);
		expect(await steps({ ca: undefined })).toEqual([...upTo, ['tls', false, 'TARGET_PROTOCOL']]);
		expect(await server.messages()).toEqual([]);
	});
});

describe('the other ways to a mail server', () => {
	it('TLS from the first byte', async () => {
		const mailpit = await startMailpit({ tls: 'implicit' });
		try {
			const ca = await readFile(mailpit.certFile, 'utf8');
			const to = { port: mailpit.port, ca };
			expect(await send(parcelOf('x'), { ...to, tls: 'implicit' })).toMatchObject({
				kind: 'delivered',
			});
			expect(await mailpit.messages()).toHaveLength(1);
		} finally {
			await mailpit.stop();
		}
	});

	it('plain, only where it was chosen: a server without STARTTLS gets nothing otherwise', async () => {
		const mailpit = await startMailpit({ tls: 'none' });
		try {
			expect(await send(parcelOf('x'), { port: mailpit.port })).toMatchObject({
				code: 'TARGET_PROTOCOL',
				retry: 'never',
			});
			const plain = { port: mailpit.port, tls: 'none' };
			expect(await send(parcelOf('x'), plain)).toMatchObject({ kind: 'delivered' });
			expect(await mailpit.messages()).toHaveLength(1);
		} finally {
			await mailpit.stop();
		}
	});
});
