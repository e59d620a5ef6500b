import { createPrivateKey } from 'node:crypto';

import { z } from 'zod';

import { isTemplate, templateExpectation } from '../shared/template.ts';
import type { Mailbox } from './addresses.ts';
import { isAllowed, isDomain, parseMailbox } from './addresses.ts';

const MAX_RECIPIENTS = 100;
const MB = 1_000_000;

const line = (max: number): z.ZodString =>
	z
		.string()
		.min(1)
		.max(max)
		.regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'text without line breaks and control characters');

const mailbox = z
	.string()
	.max(500)
	.refine((text) => parseMailbox(text) !== null, {
		error: 'an address like "ada@example.org" or "Ada <ada@example.org>"',
	})
	.meta({ examples: ['Reports <reports@example.org>'] });

const template = (max: number): z.ZodString =>
	z
		.string()
		.max(max)
		.refine((text) => isTemplate(text), { error: templateExpectation() });

const unsubscribe = z
	.string()
	.max(1000)
	.refine(
		(text) => (text.startsWith('mailto:') ? parseMailbox(text.slice(7)) !== null : isHttps(text)),
		{
			error: '"https://…" or "mailto:" and an address',
		},
	);

export const emailSettingsSchema = z
	.strictObject({
		host: line(255).describe('The SMTP server that takes mail for sending.'),
		port: z
			.number()
			.int()
			.min(1)
			.max(65_535)
			.optional()
			.describe('587, or 465 with `tls` `implicit`.'),
		tls: z
			.enum(['starttls', 'implicit', 'none'])
			.default('starttls')
			.describe(
				'`starttls`: demanded, nothing is said before it; `implicit`: TLS from the first byte; `none`: everybody on the way can read it.',
			),
		ca: z
			.string()
			.max(100_000)
			.optional()
			.describe('PEM of the certificate authority to trust instead of the public ones.'),
		serverName: line(255)
			.optional()
			.describe('The name in the certificate where it is not `host`.'),
		user: line(256).optional(),
		password: z.string().min(1).max(1024).optional(),
		from: mailbox,
		replyTo: mailbox.optional(),
		to: z.array(mailbox).min(1).max(MAX_RECIPIENTS),
		cc: z.array(mailbox).max(MAX_RECIPIENTS).default([]),
		bcc: z.array(mailbox).max(MAX_RECIPIENTS).default([]),
		allowedRecipients: z
			.array(z.string().max(254))
			.max(1000)
			.optional()
			.describe('Addresses, and domains as `@example.org`, that mail may go to. Absent: any.'),
		subject: template(300)
			.min(1)
			.regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'one line without control characters')
			.default('{{title}}')
			.describe('A template of fields in double braces.'),
		text: template(5000).default('').describe('Stands above the summary. A template.'),
		file: z
			.enum(['auto', 'attach', 'inline', 'link'])
			.default('auto')
			.describe(
				'`auto`: HTML and plain text of at most 1 MB are the mail itself, other files are attached, and what is larger than `maxAttachmentBytes` is a link.',
			),
		maxAttachmentBytes: z
			.number()
			.int()
			.min(0)
			.max(150 * MB)
			.default(10 * MB)
			.describe('Of the file; it is a third larger in the mail.'),
		rows: z
			.number()
			.int()
			.min(0)
			.max(100)
			.default(10)
			.describe('How many rows of the result the mail shows.'),
		unsubscribe: unsubscribe
			.optional()
			.describe('`List-Unsubscribe`, for mail to many: an https URL takes a POST (RFC 8058).'),
		dkim: z
			.strictObject({
				domain: z.string().max(253).refine(isDomain, { error: 'a domain' }),
				selector: z
					.string()
					.max(63)
					.regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'a selector as DNS has it'),
			})
			.optional()
			.describe('Signs with `dkimKey`; where the server does not sign itself.'),
		dkimKey: z
			.string()
			.max(20_000)
			.refine(isKey, { error: 'an RSA or Ed25519 private key as PEM' })
			.optional(),
	})
	.superRefine((settings, context) => {
		const wrong = (path: string, message: string): void => {
			context.addIssue({ code: 'custom', path: [path], message });
		};
		if ((settings.user === undefined) !== (settings.password === undefined)) {
			wrong(
				settings.user === undefined ? 'user' : 'password',
				'both a user and a password, or none',
			);
		}
		if ((settings.dkim === undefined) !== (settings.dkimKey === undefined)) {
			wrong(settings.dkim === undefined ? 'dkim' : 'dkimKey', 'both "dkim" and "dkimKey", or none');
		}
		const { to, cc, bcc, allowedRecipients } = settings;
		if (to.length + cc.length + bcc.length > MAX_RECIPIENTS) {
			wrong('to', `at most ${MAX_RECIPIENTS} recipients on the whole`);
		}
		if (allowedRecipients === undefined) return;
		for (const [field, list] of Object.entries({ to, cc, bcc })) {
			const stray = mailboxes(list).find((one) => !isAllowed(one, allowedRecipients));
			if (stray !== undefined) wrong(field, 'recipients that "allowedRecipients" names');
		}
	});

export type EmailSettings = z.output<typeof emailSettingsSchema>;

export function mailboxes(list: readonly string[]): Mailbox[] {
	return list.map(parseMailbox).filter((one) => one !== null);
}

export function portOf({ port, tls }: Pick<EmailSettings, 'port' | 'tls'>): number {
	return port ?? (tls === 'implicit' ? 465 : 587);
}

function isHttps(text: string): boolean {
	return URL.canParse(text) && new URL(text).protocol === 'https:' && !/[\s\p{C}<>,]/u.test(text);
}

function isKey(pem: string): boolean {
	try {
		return ['rsa', 'ed25519'].includes(createPrivateKey(pem).asymmetricKeyType ?? '');
	} catch {
		return false;
	}
}
