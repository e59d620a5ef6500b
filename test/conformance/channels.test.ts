import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createFileChannel } from '../../engine/channels/file/index.ts';
import { createN8nChannel } from '../../engine/channels/n8n/index.ts';
import { createWebhookChannel } from '../../engine/channels/webhook/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { createSigner } from '../../engine/security/standard-webhooks.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { exerciseChannel } from './channels.ts';

exerciseChannel('webhook', async () => {
	const receiver = await startReceiver();
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	const channel = createWebhookChannel({ egress, signer: createSigner(), clock: systemClock });
	return {
		channel,
		settings: { url: receiver.url },
		arrived: async (parcel) => {
			const whole = receiver.received.filter(
				({ complete, headers }) => complete && headers['webhook-id'] === parcel.deliveryId,
			);
			// receivers tell repeats by their id, so a repeat counts as one
			return [...new Map(whole.map(({ size, sha256 }) => [sha256, { size, sha256 }])).values()];
		},
		traces: async () => receiver.received.filter(({ complete }) => complete).map(({ url }) => url),
		async cleanup() {
			await egress.close();
			await receiver.close();
		},
	};
});

exerciseChannel('n8n', async () => {
	const receiver = await startReceiver();
	const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
	return {
		channel: createN8nChannel({ egress, clock: systemClock }),
		settings: { url: receiver.url, body: 'json' },
		arrived: async (parcel) => {
			const whole = receiver.received.filter(
				({ complete, headers }) => complete && headers['idempotency-key'] === parcel.deliveryId,
			);
			// a workflow tells repeats by their id, so a repeat counts as one
			return [...new Map(whole.map(({ size, sha256 }) => [sha256, { size, sha256 }])).values()];
		},
		traces: async () => receiver.received.filter(({ complete }) => complete).map(({ url }) => url),
		async cleanup() {
			await egress.close();
			await receiver.close();
		},
	};
});

exerciseChannel('file', async () => {
	const root = await mkdtemp(join(tmpdir(), 'capscheduler-file-'));
	const files = async (): Promise<string[]> => readdir(root);
	return {
		channel: createFileChannel({ roots: [root], clock: systemClock }),
		settings: { folder: root },
		arrived: async () => {
			const contents = await Promise.all(
				(await files()).map(async (name) => readFile(join(root, name))),
			);
			return contents.map((bytes) => ({
				size: bytes.length,
				sha256: createHash('sha256').update(bytes).digest('hex'),
			}));
		},
		traces: files,
		cleanup: async () => {
			await rm(root, { recursive: true, force: true });
		},
	};
});
