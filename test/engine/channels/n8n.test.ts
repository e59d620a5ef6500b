import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';

import type { Parcel, SendOutcome } from '../../../engine/channels/channel.port.ts';
import { createN8nChannel } from '../../../engine/channels/n8n/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { parcelOf } from '../../support/parcels.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
const channel = createN8nChannel({ egress, clock: systemClock });
let receiver: Receiver;
beforeEach(async () => {
	receiver = await startReceiver();
});
afterEach(async () => receiver.close());

async function send(parcel: Parcel, more: object = {}): Promise<SendOutcome> {
	const settings = channel.settings.parse({ url: receiver.url, ...more });
	await channel.check(settings);
	return channel.send(channel.prepare(settings, parcel), settings, parcel, {
		signal: new AbortController().signal,
		attempt: 1,
		timeout: 10_000,
	});
}

describe('a workflow', () => {
	it.each(['Übersicht "März" 報告.bin', 'a\\b.csv', "it's; 100%.csv"])(
		'gets the file %j byte for byte as the part "data" of a form, with what it is',
		async (filename) => {
			const bytes = Buffer.from([0, 13, 10, 45, 45, 255, 13, 10]);
			const parcel = parcelOf(bytes, { filename, contentType: 'application/json' });
			expect(await send(parcel)).toMatchObject({
				kind: 'delivered',
				receipt: { channel: 'n8n', size: bytes.length, sha256: parcel.sha256 },
			});
			const { body, headers } = receiver.received[0]!;
			const type = headers['content-type'] ?? '';
			const form = await new Response(new Uint8Array(body), {
				headers: { 'content-type': type },
			}).formData();
			const file = form.get('data') as File;
			const got = new Uint8Array(await file.arrayBuffer());
			expect(createHash('sha256').update(got).digest('hex')).toBe(parcel.sha256);
			expect([file.name, file.type]).toEqual([filename, 'application/json']);
			expect(form.get('deliveryId')).toBe(parcel.deliveryId);
			expect(form.get('nominalAt')).toBe(parcel.nominalAt);
		},
	);

	it('gets rows as its JSON where that is wished, and word of a run always', async () => {
		const json = { contentType: 'application/json' };
		await send(parcelOf('[{"id":1}]', json), { body: 'json' });
		const message = { title: 'x', tone: 'bad' as const, facts: [], link: null };
		await send(parcelOf('{"type":"run.failed"}', { ...json, message }));
		expect(
			receiver.received.map(({ headers, body }) => [headers['content-type'], body.toString()]),
		).toEqual([
			['application/json', '[{"id":1}]'],
			['application/json', '{"type":"run.failed"}'],
		]);
		expect(channel.format?.({ body: 'json' })).toBe('json');
	});

	it('is called with the credentials of its Webhook node', async () => {
		await send(parcelOf('x'), { headerName: 'X-Key', headerValue: 'secret' });
		await send(parcelOf('x'), { user: 'cap', password: 'secret' });
		const [header, basic] = receiver.received;
		expect(header?.headers['x-key']).toBe('secret');
		expect(basic?.headers.authorization).toBe(
			`Basic ${Buffer.from('cap:secret').toString('base64')}`,
		);
		const both = { url: receiver.url, user: 'a', password: 'b', headerName: 'x', headerValue: 'y' };
		expect(channel.settings.safeParse(both).success).toBe(false);
	});

	it.each([
		[404, 'TARGET_REFUSED', 'later'],
		[403, 'TARGET_REFUSED', 'never'],
		[413, 'RESULT_TOO_LARGE', 'never'],
		[503, 'TARGET_BUSY', 'later'],
	])('that answers %d is %s, tried again: %s', async (status, code, retry) => {
		receiver.answer = (_request, response) => response.writeHead(status).end();
		expect(await send(parcelOf('x'))).toMatchObject({ kind: 'failed', code, retry });
	});
});
