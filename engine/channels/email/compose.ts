import { Readable } from 'node:stream';

import type { Parcel, ReportLink } from '../channel.port.ts';
import { CapError } from '../../contract/errors.ts';
import type { Clock } from '../../clock.ts';
import type { Deadline } from '../shared/deadline.ts';
import { readParcel, readWhole } from '../shared/source.ts';
import { smallTable } from '../shared/summary.ts';
import { domainOf, parseMailbox } from './addresses.ts';
import type { Mailbox } from './addresses.ts';
import type { EmailSettings } from './settings.ts';
import { mailboxes } from './settings.ts';
import type { Nodemailer } from './smtp.ts';
import { asHtml, asText, wordsOf } from './words.ts';

/** What becomes of the file: the mail itself, an attachment, a link, or nothing where it is a message. */
export type How = 'inline' | 'attach' | 'link' | 'message';

/** `prepare`'s plan, without secrets. */
export interface Plan {
	host: string;
	messageId: string;
	subject: string;
	how: How;
}

const INLINE_BYTES = 1_000_000;
const TABLE = { columns: 8, cell: 60 } as const;

/** @throws CapError RESULT_TOO_LARGE for what may be no link */
export function howFor(parcel: Parcel, { file, maxAttachmentBytes }: EmailSettings): How {
	if (parcel.message !== undefined) return 'message';
	if (file === 'link') return 'link';
	const small = parcel.size <= INLINE_BYTES && isText(parcel.contentType);
	if (file === 'inline' && small) return 'inline';
	if (file === 'auto' && small) return 'inline';
	if (parcel.size <= maxAttachmentBytes) return 'attach';
	if (file === 'auto') return 'link';
	throw new CapError(
		'RESULT_TOO_LARGE',
		`the file has ${parcel.size} bytes: settings.maxAttachmentBytes is ${maxAttachmentBytes}`,
	);
}

function isText(contentType: string): boolean {
	return isHtml(contentType) || /^text\/plain\b/i.test(contentType);
}

const isHtml = (contentType: string): boolean => /^text\/html\b/i.test(contentType);

/** The same in every attempt: mail servers and readers that know it drop the second. */
export function messageIdOf({ deliveryId }: Parcel, from: string): string {
	const mailbox = parseMailbox(from);
	return `<${deliveryId}@${mailbox === null ? 'capscheduler' : domainOf(mailbox)}>`;
}

interface Compose {
	nodemailer: Nodemailer;
	deadline: Deadline;
	clock: Clock;
}

export interface Composed {
	/** Reads the file while it is sent. */
	message: Readable;
	/** Rejects when the file cannot be read to its end: the library's own word of it comes late, or never. */
	broken: Promise<never>;
}

export async function composeMail(
	parcel: Parcel,
	{ plan, settings }: { plan: Plan; settings: EmailSettings },
	{ nodemailer, deadline, clock }: Compose,
): Promise<Composed> {
	const { MailComposer, DKIM } = nodemailer;
	const broken = Promise.withResolvers<never>();
	broken.promise.catch(() => undefined);
	const link = plan.how === 'link' ? await linkOf(parcel) : null;
	const body = await bodyOf(parcel, { plan, settings, link }, deadline);
	const { from, replyTo, to, cc, unsubscribe, dkim, dkimKey } = settings;
	const mail = new MailComposer({
		from: addresses([from]),
		...(replyTo === undefined ? {} : { replyTo: addresses([replyTo]) }),
		to: addresses(to),
		...(cc.length === 0 ? {} : { cc: addresses(cc) }),
		// blind copies are told to the server only
		subject: plan.subject,
		messageId: plan.messageId,
		date: new Date(clock.now()),
		headers: { ...headersOf(parcel), ...unsubscribeHeaders(unsubscribe) },
		...body,
		...(plan.how === 'attach'
			? { attachments: [attachment(parcel, watched(readParcel(parcel, deadline), broken.reject))] }
			: {}),
		disableFileAccess: true,
		disableUrlAccess: true,
	}).compile();
	const plain = mail.createReadStream();
	const message =
		dkim === undefined || dkimKey === undefined
			? plain
			: new DKIM({
					domainName: dkim.domain,
					keySelector: dkim.selector,
					privateKey: dkimKey,
				}).sign(plain);
	return { message, broken: broken.promise };
}

async function* watched<T>(
	source: AsyncIterable<T>,
	onError: (error: unknown) => void,
): AsyncGenerator<T> {
	try {
		yield* source;
	} catch (error) {
		onError(error);
		// the library writes codes of its own into errors: it gets another
		throw new Error('the file cannot be read', { cause: error });
	}
}

async function linkOf({ report }: Parcel): Promise<ReportLink> {
	if (report === undefined) {
		throw new CapError(
			'RESULT_TOO_LARGE',
			'the file is too large for a mail, and nothing gives a link to it',
		);
	}
	return report.link();
}

async function bodyOf(
	parcel: Parcel,
	{ plan, settings, link }: { plan: Plan; settings: EmailSettings; link: ReportLink | null },
	deadline: Deadline,
): Promise<{ text: string; html?: string }> {
	const { how } = plan;
	const table =
		how === 'inline' || how === 'message'
			? null
			: await smallTable(parcel, { ...TABLE, rows: settings.rows });
	const word = { attach: ', attached', link: '', inline: '', message: '' }[how];
	const words = wordsOf(parcel, settings, { how: word, table, link });
	if (how !== 'inline') return { text: asText(words), html: asHtml(words) };
	const file = Buffer.from(await readWhole(parcel, deadline)).toString();
	return isHtml(parcel.contentType) ? { text: asText(words), html: file } : { text: file };
}

function attachment({ filename, contentType }: Parcel, bytes: AsyncIterable<Uint8Array>) {
	return {
		filename,
		content: Readable.from(bytes, { objectMode: false }),
		contentType,
		// the bytes must come out as they went in, whatever they are
		contentTransferEncoding: 'base64',
	};
}

function headersOf(parcel: Parcel): Record<string, string> {
	return {
		// people who are away should not answer a machine (RFC 3834)
		'Auto-Submitted': 'auto-generated',
		'X-CapScheduler-Run': parcel.runId,
		'X-CapScheduler-Delivery': parcel.deliveryId,
	};
}

/** RFC 2369; and RFC 8058, by which one click of the reader is a POST. */
function unsubscribeHeaders(unsubscribe: string | undefined): Record<string, string> {
	if (unsubscribe === undefined) return {};
	const oneClick = unsubscribe.startsWith('https:');
	return {
		'List-Unsubscribe': `<${unsubscribe}>`,
		...(oneClick ? { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } : {}),
	};
}

const addresses = (list: readonly string[]): Mailbox[] => mailboxes(list);
