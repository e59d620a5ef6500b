import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { isAllowed, parseMailbox } from '../../../engine/channels/email/addresses.ts';
import { failureFrom } from '../../../engine/channels/email/failure.ts';
import { createEmailChannel } from '../../../engine/channels/email/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { parcelOf } from '../../support/parcels.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
const channel = createEmailChannel({ egress, clock: systemClock });
const base = { host: 'mail.example.org', from: 'a@example.org', to: ['b@example.org'] };
const issues = (more: object): string[] => {
	const parsed = channel.settings.safeParse({ ...base, ...more });
	return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
};

describe('an address', () => {
	it.each([
		['ada@example.org', '', 'ada@example.org'],
		['Ada Lovelace <ada@example.org>', 'Ada Lovelace', 'ada@example.org'],
		['"Ada" <ada+x@sub.example.org>', 'Ada', 'ada+x@sub.example.org'],
		['jürgen@bücher.example', '', 'jürgen@bücher.example'],
	])('%j is read', (text, name, address) => {
		expect(parseMailbox(text)).toEqual({ name, address });
	});

	it.each([
		'ada@example.org\r\nRCPT TO:<eve@evil.example>',
		'ada@example.org, eve@evil.example',
		'ada@example.org eve@evil.example',
		'<ada@example.org><eve@evil.example>',
		'eve@evil.example> <ada@example.org',
		'Ada\nBcc: eve@evil.example <ada@example.org>',
		'"a@b"@example.org',
		'ada@[127.0.0.1]',
		'ada@127.0.0.1',
		'ada@-x.org',
		'ada',
		'@example.org',
		'a..b@example.org',
		'ada@exam\u0000ple.org',
	])('%j is refused, before any library sees it', (text) => {
		expect(parseMailbox(text)).toBeNull();
		expect(issues({ to: [text] })).toEqual(['to.0']);
		expect(issues({ from: text })).toEqual(['from']);
	});

	it('is allowed by itself and by its domain, not by one below or beside', () => {
		const allowed = ['ada@example.org', '@example.com'];
		const may = (address: string) => isAllowed({ name: '', address }, allowed);
		expect(['Ada@Example.org', 'x@EXAMPLE.com'].map(may)).toEqual([true, true]);
		expect(['eve@example.org', 'x@sub.example.com', 'x@notexample.com'].map(may)).toEqual([
			false,
			false,
			false,
		]);
		expect(issues({ to: ['eve@evil.example'], allowedRecipients: allowed })).toEqual(['to']);
		expect(
			issues({ to: ['ada@example.org'], bcc: ['e@evil.example'], allowedRecipients: allowed }),
		).toEqual(['bcc']);
	});
});

describe('settings of mail', () => {
	it.each([
		['subject', { subject: 'a\r\nBcc: eve@evil.example' }],
		['subject', { subject: '{{constructor}}' }],
		['password', { user: 'x' }],
		['dkimKey', { dkim: { domain: 'example.org', selector: 's' } }],
		['dkimKey', { dkim: { domain: 'example.org', selector: 's' }, dkimKey: 'no key' }],
		['unsubscribe', { unsubscribe: 'http://example.org' }],
		['unsubscribe', { unsubscribe: 'https://example.org/>,<mailto:x' }],
		['host', { host: 'a\r\nb' }],
	])('are refused at %s: %j', (path, more) => {
		expect(issues(more)).toContain(path);
	});

	it('name a server that the guard allows', async () => {
		const settings = channel.settings.parse({ ...base, host: '169.254.169.254' });
		await expect(channel.check(settings)).rejects.toMatchObject({ code: 'EGRESS_BLOCKED' });
	});
});

/** An SMTP server that takes everything and writes down what it is told. */
async function startListener() {
	const said: string[] = [];
	const server = createServer((socket) => {
		let inData = false;
		let rest = '';
		socket.on('error', () => undefined);
		socket.write('220 hello\r\n');
		socket.on('data', (chunk) => {
			rest += chunk.toString();
			for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
				const line = rest.slice(0, end);
				rest = rest.slice(end + 2);
				said.push(line);
				if (inData && line !== '.') continue;
				socket.write(
					line === 'DATA' ? '354 go on\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n',
				);
				inData = line === 'DATA';
			}
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return { said, port: (server.address() as AddressInfo).port, close: () => server.close() };
}

describe('what a mail server is told', () => {
	it('is one command for each recipient, no header of blind copies, and no header that a name brought', async () => {
		const listener = await startListener();
		const settings = channel.settings.parse({
			...base,
			host: '127.0.0.1',
			port: listener.port,
			tls: 'none',
			bcc: ['blind@example.org'],
			subject: '{{title}}',
		});
		const parcel = parcelOf('a\r\n.\r\nRCPT TO:<eve@evil.example>\r\n', {
			filename: 'x.csv',
			report: {
				title: 'Sales\r\nBcc: eve@evil.example\u202e',
				preview: async () => null,
				link: async () => ({ url: '', expiresAt: '' }),
			},
		});
		const outcome = await channel.send(channel.prepare(settings, parcel), settings, parcel, {
			signal: new AbortController().signal,
			attempt: 1,
			timeout: 10_000,
		});
		listener.close();
		expect(outcome.kind).toBe('delivered');
		const { said } = listener;
		const headers = said.slice(0, said.indexOf(''));
		expect(said.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([
			'MAIL FROM:<a@example.org>',
			'RCPT TO:<b@example.org>',
			'RCPT TO:<blind@example.org>',
		]);
		expect(headers.filter((line) => /^bcc/i.test(line))).toEqual([]);
		expect(headers.filter((line) => line.startsWith('Subject:'))).toEqual([
			'Subject: Sales Bcc: eve@evil.example',
		]);
	});
});

describe('what a mail server says', () => {
	it.each([
		['password', 'correct horse'],
		['password as AUTH LOGIN sends it', Buffer.from('correct horse').toString('base64')],
		['login as AUTH PLAIN sends it', Buffer.from('\0cap\0correct horse').toString('base64')],
	])('is kept without the %s that it repeats', (_what, secret) => {
		const settings = { host: 'mail.example.org', user: 'cap', password: 'correct horse' };
		const response = `502 5.5.1 unknown command: AUTH ${secret}`;
		const error = Object.assign(new Error(response), {
			code: 'EAUTH',
			responseCode: 502,
			response,
		});
		const { message } = failureFrom(error, settings);
		expect(message).toBe(
			'mail.example.org: the login was refused: 502 5.5.1 unknown command: AUTH ***',
		);
	});
});
