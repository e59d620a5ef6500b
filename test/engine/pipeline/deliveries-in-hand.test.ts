import { afterEach, beforeEach, expect, it } from '@jest/globals';

import type { Channel } from '../../../engine/channels/channel.port.ts';
import { createFileChannel } from '../../../engine/channels/file/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';

let server: CapabilityServer;
let bed: Bed;
let sent: string[];

/** Takes everything, and says so. */
function there(): Channel {
	const file = createFileChannel({ roots: ['/'], clock: systemClock });
	return {
		...file,
		name: 'there',
		check: async () => undefined,
		prepare: () => ({}),
		async send(_prepared, _settings, { deliveryId, size, sha256 }) {
			sent.push(deliveryId);
			const about = { channel: 'there', location: 'there', remote: {}, at: '' };
			return Promise.resolve({ kind: 'delivered', receipt: { ...about, size, sha256 } });
		},
	};
}

beforeEach(async () => {
	sent = [];
	server = await new CapabilityServer().start();
	bed = await startBed({ CAPSCHEDULER_DELIVERY_CONCURRENCY: '1' }, { channels: [there()] });
	const url = server.on('/bytes', (response) => {
		response.writeHead(200, { 'content-type': 'text/plain' }).end('as it came');
	});
	await bed.register('bytes', url);
});
afterEach(async () => {
	await bed.close();
	await server.close();
});

const targets = (count: number): Record<string, unknown> => ({
	delivery: {
		targets: Array.from({ length: count }, () => ({ channel: 'there', settings: { folder: '.' } })),
	},
});

it('sends the next delivery while it is being written how the last one went', async () => {
	const { store } = bed.engine.context;
	const { settleDeliveries } = store;
	const second = Promise.withResolvers<void>();
	let settling = 0;
	store.settleDeliveries = async (settlements) => {
		settling++;
		if (settling === 2) second.resolve();
		await second.promise;
		return settleDeliveries(settlements);
	};
	const run = await bed.invoke('bytes', targets(2));
	await bed.until(async () => {
		const { deliveries = [] } = await bed.run(run);
		return deliveries.length === 2 && deliveries.every(({ state }: Body) => state === 'delivered');
	});
	expect(new Set(sent).size).toBe(2);
});

it('of bytes as they came writes down nothing but how it went', async () => {
	const { store } = bed.engine.context;
	const { putArtifact } = store;
	let written = 0;
	store.putArtifact = async (...given) => {
		written++;
		return putArtifact(...given);
	};
	const run = await bed.invoke('bytes', targets(1));
	await bed.until(async () => (await bed.run(run)).deliveryState === 'delivered');
	expect(written).toBe(0);
	const [{ id }] = (await bed.run(run)).deliveries;
	const { receipt } = (await bed.admin.get(`/v1/deliveries/${id}`)).body;
	expect(receipt.size).toBe('as it came'.length);
});
