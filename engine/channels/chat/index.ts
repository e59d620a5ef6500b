import type { Clock } from '../../clock.ts';
import type { JsonObject } from '../../contract/json.ts';
import { toIso } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import { createDeadline } from '../shared/deadline.ts';
import type { Answer } from '../shared/http-exchange.ts';
import { askHttp } from '../shared/http-send.ts';
import { failedWith } from '../shared/failed.ts';
import { FORMS } from './forms.ts';
import { postOf } from './post.ts';
import type { ChatSettings } from './settings.ts';
import { chatSettingsSchema } from './settings.ts';
import { judge } from './verdict.ts';

export interface ChatTools {
	egress: Egress;
	clock: Clock;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const TIMEOUT = 20 * SECOND;

/** Posts a summary with a small table and a link, through an incoming webhook of a chat. */
export function createChatChannel({ egress, clock }: ChatTools): Channel {
	return {
		name: 'chat',
		title: 'Chat',
		abilities: {
			streaming: false,
			atomic: true,
			receipt: "the service's answer to the post; with Discord the id of the message",
			idempotency: 'none: a repeat is a second post, for the services know no key',
		},
		limits: {
			slackSectionCharacters: 3000,
			teamsBytes: 28_000,
			discordCharacters: 6000,
			mattermostCharacters: 16_383,
		},
		settings: chatSettingsSchema,
		secrets: ['url'],
		retries: [5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR],
		timeout: TIMEOUT,
		async check(settings) {
			const { url } = settings as ChatSettings;
			await egress.checkUrl(url, 'url');
		},
		prepare(settings): JsonObject {
			const { service, rows, link } = settings as ChatSettings;
			return { service, rows, link };
		},
		async send(_prepared, settings, parcel, { signal, timeout }) {
			const given = settings as ChatSettings;
			const deadline = createDeadline(clock, { signal, timeout, silence: timeout });
			try {
				deadline.signal.throwIfAborted();
				const body = Buffer.from(JSON.stringify(FORMS[given.service](await postOf(parcel, given))));
				const headers = { 'content-type': 'application/json' };
				const answer = await askHttp(
					{ url: addressOf(given), method: 'POST', headers, body },
					{ egress, clock, deadline, keep: 4000 },
				);
				const failure = judge(given.service, answer, clock.now());
				if (failure !== null) return failure;
				return {
					kind: 'delivered',
					receipt: receiptOf(parcel, given, { answer, at: toIso(clock.now()) }),
				};
			} catch (error) {
				return failedWith(deadline.signal.aborted ? deadline.signal.reason : error);
			} finally {
				deadline.end();
			}
		},
	};
}

/** Discord tells the message's id to who waits for it. */
function addressOf({ service, url }: ChatSettings): string {
	if (service !== 'discord') return url;
	const address = new URL(url);
	address.searchParams.set('wait', 'true');
	return address.href;
}

function receiptOf(
	{ size, sha256 }: Parcel,
	{ service, url, link }: ChatSettings,
	{ answer, at }: { answer: Answer; at: string },
) {
	const id = service === 'discord' ? messageId(answer.text) : null;
	return {
		channel: 'chat',
		// the path of a webhook is its key
		location: `${service}: ${new URL(url).origin}`,
		size,
		sha256,
		remote: {
			status: answer.status,
			sentAs: link ? 'link' : 'summary',
			...(id === null ? {} : { messageId: id }),
		},
		at,
	};
}

function messageId(text: string): string | null {
	const [, id] = /"id"\s*:\s*"(\d{1,25})"/.exec(text) ?? [];
	return id ?? null;
}
