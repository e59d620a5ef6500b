import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Parcel, Report, SendOutcome } from '../../../engine/channels/channel.port.ts';
import { createChatChannel } from '../../../engine/channels/chat/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { parcelOf } from '../../support/parcels.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

/*
 * The services themselves cannot be run here. A stand-in holds the rules that their documentation gives for incoming
 * webhooks (September 2026): forms, sizes, answers. What it cannot show is what the services do beyond that.
 */

type Json = Record<string, unknown>;
const texts = (value: unknown): string[] =>
	typeof value === 'string'
		? [value]
		: typeof value === 'object' && value !== null
			? Object.values(value).flatMap(texts)
			: [];

/** What is wrong with a post; nothing when the service would take it. */
const RULES: Record<string, (body: Json, bytes: number) => string[]> = {
	slack({ text, blocks }) {
		const list = blocks as { type: string; text: { type: string; text: string } }[];
		return [
			...(typeof text === 'string' && text !== '' && text.length <= 4000 ? [] : ['text']),
			...(list.length <= 50 ? [] : ['blocks']),
			...list.flatMap(({ type, text: { text: words } }) => {
				const max = type === 'header' ? 150 : 3000;
				return words.length > 0 && words.length <= max ? [] : [`${type} of ${words.length}`];
			}),
		];
	},
	teams(body, bytes) {
		const [attachment] = body['attachments'] as Json[];
		const card = attachment?.['content'] as Json;
		return [
			...(bytes <= 28_000 ? [] : ['size']),
			...(body['type'] === 'message' ? [] : ['type']),
			...(attachment?.['contentType'] === 'application/vnd.microsoft.card.adaptive'
				? []
				: ['card']),
			...(card['type'] === 'AdaptiveCard' && card['version'] === '1.5' ? [] : ['version']),
		];
	},
	discord({ embeds }) {
		const list = embeds as { title: string; description: string }[];
		return list.flatMap(({ title, description }) => [
			...(title.length <= 256 ? [] : ['title']),
			...(description.length <= 4096 ? [] : ['description']),
			...(title.length + description.length <= 6000 ? [] : ['embed']),
		]);
	},
	mattermost: ({ text }) => ((text as string).length <= 16_383 ? [] : ['text']),
};
const SERVICES = Object.keys(RULES);

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
const channel = createChatChannel({ egress, clock: systemClock });
let service: Receiver;
beforeEach(async () => {
	service = await startReceiver();
});
afterEach(async () => service.close());

async function send(name: string, parcel: Parcel, more: Json = {}): Promise<SendOutcome> {
	const settings = channel.settings.parse({
		service: name,
		url: `${service.url}/T0/key-canary`,
		...more,
	});
	await channel.check(settings);
	return channel.send(channel.prepare(settings, parcel), settings, parcel, {
		signal: new AbortController().signal,
		attempt: 1,
		timeout: 10_000,
	});
}
const posted = (): Json => JSON.parse(service.received.at(-1)!.body.toString()) as Json;

const NASTY =
	'@everyone <!channel> *b* _i_ `c` ```x``` [a](https://evil.example) |p| <b>&amp; # h\n- l';
const report = (columns: number, text: string): Report => ({
	title: NASTY,
	preview: async (limit) => ({
		columns: Array.from({ length: columns }, (_, n) => ({ name: `c${n} ${text}` })),
		rows: Array.from({ length: limit }, () =>
			Object.fromEntries(Array.from({ length: columns }, (_, n) => [`c${n} ${text}`, text])),
		),
		total: 1000,
		more: true,
	}),
	link: async () => ({
		url: 'https://caps.example.org/r/lnk_1.abc',
		expiresAt: '2027-02-01T00:00:00.000Z',
	}),
});

describe.each(SERVICES)('a post to %s', (name) => {
	it('has title, facts, a small table and the link, in the form of the service', async () => {
		const parcel = parcelOf('a,b\n', { report: { ...report(2, 'x'), title: 'Daily sales' } });
		expect(await send(name, parcel)).toMatchObject({
			kind: 'delivered',
			receipt: {
				channel: 'chat',
				size: parcel.size,
				sha256: parcel.sha256,
				remote: { status: 200 },
			},
		});
		const all = texts(posted()).join('\n');
		expect(RULES[name]!(posted(), service.received[0]!.size)).toEqual([]);
		for (const part of [
			'Daily sales',
			'report',
			'https://caps.example.org/r/lnk_1.abc',
			'2027-02-01',
		]) {
			expect(all.replaceAll('\\', '')).toContain(part);
		}
		expect(all).toContain('of 1000 rows');
		expect(JSON.stringify(await send(name, parcel))).not.toContain('canary');
	});

	it('stays within the limits whatever the result is, and keeps its link whole', async () => {
		const huge = report(50, '🎉"\\<&'.repeat(500));
		const parcel = parcelOf('x', { report: huge, filename: `${'ü'.repeat(120)}.csv` });
		expect(await send(name, parcel, { rows: 20, text: `${'<'.repeat(900)}` })).toMatchObject({
			kind: 'delivered',
		});
		const { size } = service.received[0]!;
		expect(RULES[name]!(posted(), size)).toEqual([]);
		expect(texts(posted()).join('\n')).toContain('https://caps.example.org/r/lnk_1.abc');
		const message = {
			title: NASTY.repeat(20),
			tone: 'bad' as const,
			facts: Array.from({ length: 60 }, (_, n) => [`Target ${n}`, '&'.repeat(300)] as const),
			link: null,
		};
		expect(await send(name, parcelOf('{}', { message }))).toMatchObject({ kind: 'delivered' });
		expect(RULES[name]!(posted(), service.received[1]!.size)).toEqual([]);
	});

	it('calls nobody and has no markup of strangers', async () => {
		const text = NASTY.replace('\n', ' ');
		await send(name, parcelOf('x', { report: report(1, text) }));
		const body = posted();
		const all = texts(body).join('\n');
		if (name === 'slack') {
			// a header is plain text, which Slack shows as it is
			const blocks = (body['blocks'] as Json[]).filter(({ type }) => type !== 'header');
			expect(texts([body['text'], blocks]).join('\n')).not.toContain('<!channel>');
		}
		if (name === 'discord') expect(body['allowed_mentions']).toEqual({ parse: [] });
		if (name === 'mattermost') expect(all).not.toContain('@everyone');
		if (name === 'discord' || name === 'mattermost')
			expect(all).not.toContain('[a](https://evil.example)');
		if (name === 'teams') {
			const kinds = JSON.stringify(body).match(/"type":"\w+"/g);
			expect(kinds).not.toContain('"type":"TextBlock"');
		}
	});

	it.each([
		[429, 'TARGET_BUSY', 'later', 7000],
		[400, 'TARGET_REFUSED', 'never', undefined],
		[403, 'TARGET_REFUSED', 'never', undefined],
		[404, 'TARGET_REFUSED', 'never', undefined],
		[413, 'RESULT_TOO_LARGE', 'never', undefined],
		[500, 'TARGET_FAULT', 'later', undefined],
	])('that is answered %d is %s, tried again: %s', async (status, code, retry, retryAfter) => {
		service.answer = (_request, response) => {
			response.writeHead(status, status === 429 ? { 'retry-after': '7' } : {}).end('no_service');
		};
		const outcome = await send(name, parcelOf('x'));
		expect(outcome).toMatchObject({ kind: 'failed', code, retry });
		expect((outcome as { retryAfter?: number }).retryAfter).toBe(retryAfter);
		expect(JSON.stringify(outcome)).not.toContain('canary');
	});

	it('to a webhook that is gone switches the destination off', async () => {
		service.answer = (_request, response) => response.writeHead(410).end();
		expect(await send(name, parcelOf('x'))).toMatchObject({ code: 'TARGET_GONE', disable: true });
	});
});

describe('what single services say otherwise', () => {
	it('Discord gives the id of the message, and waits to the tenth of a second', async () => {
		service.answer = (_request, response) => response.end('{"id":"1234567890","type":0}');
		expect(await send('discord', parcelOf('x'))).toMatchObject({
			receipt: { remote: { messageId: '1234567890' } },
		});
		expect(service.received[0]!.url).toMatch(/[?&]wait=true$/);
		service.answer = (_request, response) => response.writeHead(429).end('{"retry_after":0.3}');
		expect(await send('discord', parcelOf('x'))).toMatchObject({
			code: 'TARGET_BUSY',
			retryAfter: 300,
		});
	});

	it('Teams told of failures with 200', async () => {
		const said =
			'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error';
		service.answer = (_request, response) => response.end(`${said} 429 with ContextId x`);
		expect(await send('teams', parcelOf('x'))).toMatchObject({
			code: 'TARGET_BUSY',
			retry: 'later',
		});
		service.answer = (_request, response) => response.end(`${said} 413`);
		expect(await send('teams', parcelOf('x'))).toMatchObject({
			kind: 'failed',
			code: 'TARGET_FAULT',
		});
	});
});
