import type { Clock } from '../../clock.ts';
import type { JsonObject } from '../../contract/json.ts';
import { toIso } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { createDeadline } from '../shared/deadline.ts';
import { createPool, poolKey } from '../shared/pool.ts';
import { oneLine, renderTemplate } from '../shared/template.ts';
import { parseMailbox } from './addresses.ts';
import type { Plan } from './compose.ts';
import { composeMail, howFor, messageIdOf } from './compose.ts';
import { failureFrom } from './failure.ts';
import { probeServer } from './probe.ts';
import type { EmailSettings } from './settings.ts';
import { emailSettingsSchema, mailboxes, portOf } from './settings.ts';
import type { Accepted, SmtpSession } from './smtp.ts';
import { loadNodemailer, openSession } from './smtp.ts';

export interface EmailTools {
	egress: Egress;
	clock: Clock;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Of silence: servers look into a mail before they answer (RFC 5321 would give them ten minutes). */
const SILENCE = 2 * MINUTE;

/** At one server with one login: more than that many let few clients have. */
const CONNECTIONS = 10;
/** Servers wait for five minutes (RFC 5321, 4.5.3.2.7), but not all of them. */
const IDLE = 15 * SECOND;
const NEVER = new AbortController().signal;

/** Sends the artifact by mail: as the mail itself, attached, or as a link to it. */
export function createEmailChannel({ egress, clock }: EmailTools): Channel {
	const pool = createPool<SmtpSession>(clock, { idle: IDLE });

	async function post(
		plan: Plan,
		settings: EmailSettings,
		{ parcel, deadline }: { parcel: Parcel; deadline: Deadline },
	): Promise<Accepted> {
		const { signal } = deadline;
		signal.throwIfAborted();
		const nodemailer = await loadNodemailer();
		const mail = { plan, settings };
		const { message, broken } = await composeMail(parcel, mail, { nodemailer, deadline, clock });
		// what goes wrong before it is read comes out of the reading
		message.on('error', () => undefined);
		let begun = false;
		const use = {
			key: loginKey(settings),
			limit: CONNECTIONS,
			signal,
			waits: deadline,
			open: async () => openSession(nodemailer, settings, { egress, signal, timeout: SILENCE }),
			// what may have arrived is for the next attempt to send, which is counted and recorded
			mayRepeat: () => !begun,
			work: async (session: SmtpSession, { fresh }: { fresh: boolean }) => {
				session.heed(signal);
				try {
					if (!fresh) await session.reset();
					begun = true;
					const { from, to, cc, bcc } = settings;
					const envelope = { from: senderOf(from), to: mailboxes([...to, ...cc, ...bcc]) };
					const accepted = await Promise.race([session.send(envelope, message), broken]);
					session.heed(NEVER);
					return accepted;
				} catch (error) {
					session.destroy();
					throw error;
				}
			},
		};
		try {
			return await pool.use(use);
		} catch (error) {
			message.destroy();
			throw signal.aborted ? signal.reason : error;
		}
	}

	return {
		name: 'email',
		title: 'Email',
		abilities: {
			streaming: true,
			atomic: true,
			receipt: "the server's answer to the mail, and its answer for each recipient",
			idempotency:
				'every attempt carries the same Message-ID, by which many servers and readers drop the second',
		},
		limits: { recipients: 100, attachmentBytes: 150_000_000, inlineBytes: 1_000_000 },
		settings: emailSettingsSchema,
		secrets: ['password', 'dkimKey'],
		neverSent: ['dkimKey'],
		retries: [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR],
		timeout: 3 * MINUTE,
		reaches(settings) {
			const { to, cc, bcc } = settings as EmailSettings;
			return { recipients: mailboxes([...to, ...cc, ...bcc]).map(({ address }) => address) };
		},
		async check(settings) {
			const given = settings as EmailSettings;
			await egress.checkHost(given.host, portOf(given), 'host');
		},
		prepare(settings, parcel): JsonObject {
			const given = settings as EmailSettings;
			const plan: Plan = {
				host: given.host,
				messageId: messageIdOf(parcel, given.from),
				subject: oneLine(renderTemplate(given.subject, parcel), 250),
				how: howFor(parcel, given),
			};
			return { ...plan };
		},
		async send(prepared, settings, parcel, { signal, timeout }) {
			const plan = prepared as unknown as Plan;
			const given = settings as EmailSettings;
			const deadline = createDeadline(clock, { signal, timeout, silence: SILENCE });
			try {
				const { response, accepted, rejected } = await post(plan, given, { parcel, deadline });
				const { size, sha256 } = parcel;
				return {
					kind: 'delivered',
					receipt: {
						channel: 'email',
						location: `smtp://${given.host}:${portOf(given)}`,
						size,
						sha256,
						remote: {
							messageId: plan.messageId,
							response: oneLine(response, 200),
							sentAs: plan.how,
							accepted,
							// some got it, so it is delivered: another attempt would send it to them again
							...(rejected.length === 0 ? {} : { partial: true, rejected }),
						},
						at: toIso(clock.now()),
					},
				};
			} catch (error) {
				return failureFrom(error, given);
			} finally {
				deadline.end();
			}
		},
		probe: async (settings, context) =>
			probeServer(settings as EmailSettings, { egress, clock, context }),
		async close() {
			pool.close();
			await Promise.resolve();
		},
	};
}

function senderOf(from: string) {
	return parseMailbox(from) ?? { name: '', address: '' };
}

/** Mails of any kind go by one connection, as long as they log in alike. */
function loginKey({ host, tls, port, ca, serverName, user, password }: EmailSettings): string {
	return poolKey([host, tls, port, ca, serverName, user, password]);
}
