import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { ProbeContext } from '../channel.port.ts';
import type { Found, ProbeRun } from '../shared/probe.ts';
import { runProbe } from '../shared/probe.ts';
import { openClient } from './client.ts';
import { failureFrom } from './failure.ts';
import type { KafkaSettings } from './settings.ts';
import { brokerOf } from './settings.ts';

const TIME = 10_000;

/**
 * Looks the first broker up, connects, logs in, and reads what the cluster tells of the topics. Nothing is sent: a
 * message cannot be taken back.
 */
export async function probeCluster(
	settings: KafkaSettings,
	{ egress, clock, context }: { egress: Egress; clock: Clock; context: ProbeContext },
): Promise<void> {
	const [first = ''] = settings.brokers;
	const { host, port } = brokerOf(first) ?? { host: '', port: 0 };
	const client = await openClient(settings, egress);
	const admin = client.kafka.admin();
	try {
		await runProbe(
			async ({ step }) => {
				await step('dns', async () => {
					const path = 'settings.brokers[0]';
					const { length } = await egress.addressesOf(host, port, { path });
					return { value: undefined, detail: length === 1 ? '1 address' : `${length} addresses` };
				});
				await step('connect', async () => {
					const { signal } = context;
					(await egress.connect(host, port, { signal, timeout: TIME })).destroy();
					return { value: undefined, detail: first };
				});
				const orRefusal = (error: unknown): never => {
					throw (client.refusal() ?? error) as Error;
				};
				await enter(step, settings, async () => admin.connect().catch(orRefusal));
				await step('read', async () => readTopics(admin, settings).catch(orRefusal));
			},
			{ clock, context, explain: failureFrom },
		);
	} finally {
		client.destroy();
		void admin.disconnect().catch(() => undefined);
	}
}

/** The client shakes hands and logs in in one. */
async function enter(
	step: ProbeRun['step'],
	{ sasl, user, tls }: KafkaSettings,
	connect: () => Promise<void>,
): Promise<void> {
	const detail = sasl === undefined ? undefined : `${user ?? ''} by ${sasl}`;
	await step(sasl !== undefined ? 'login' : tls === false ? 'read' : 'tls', async () => {
		await connect();
		return detail === undefined ? { value: undefined } : { value: undefined, detail };
	});
}

type Admin = ReturnType<Awaited<ReturnType<typeof openClient>>['kafka']['admin']>;

async function readTopics(
	admin: Admin,
	{ topic, topics = [topic] }: KafkaSettings,
): Promise<Found<undefined>> {
	const known = new Set(await admin.listTopics());
	const missing = topics.filter((one) => !known.has(one));
	if (missing.length > 0) {
		const names = missing.slice(0, 5).join(', ');
		throw new CapError('TARGET_REFUSED', `not there, or not for this user: ${names}`);
	}
	const detail =
		topics.length === 1 ? `topic ${topics[0] ?? ''} is there` : `${topics.length} topics are there`;
	return { value: undefined, detail };
}
