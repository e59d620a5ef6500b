import type { RecordMetadata } from 'kafkajs';

import type { CapError } from '../../contract/errors.ts';
import type { Clock } from '../../clock.ts';
import type { Duration } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import { endedBy } from '../shared/deadline.ts';
import type { Deadline } from '../shared/deadline.ts';
import { createPool, poolKey } from '../shared/pool.ts';
import type { Pooled } from '../shared/pool.ts';
import { loadKafka, openClient } from './client.ts';
import type { Message } from './messages.ts';
import type { KafkaSettings } from './settings.ts';

/** A producer with its own connections, used by one delivery at a time. */
export interface GuardedProducer extends Pooled {
	/** @returns the broker's word: topic, partition and the first offset of what it took there */
	send(topic: string, messages: readonly Message[]): Promise<RecordMetadata[]>;
	/** What the guard said of a broker, the last time that it refused one. */
	readonly refusal: CapError | null;
}

/** @throws the client's errors; see failure.ts */
export async function openProducer(
	settings: KafkaSettings,
	{ egress, signal }: { egress: Egress; signal: AbortSignal },
): Promise<GuardedProducer> {
	const { CompressionTypes, Partitioners } = await loadKafka();
	const { idempotent, acks } = settings;
	const client = await openClient(settings, egress);
	const producer = client.kafka.producer({
		idempotent,
		allowAutoTopicCreation: false,
		createPartitioner: Partitioners.DefaultPartitioner,
		// more than one at a time would be out of order after a stall
		...(idempotent ? { maxInFlightRequests: 1 } : {}),
	});
	/** At once: whoever waits for an answer is told. */
	const close = (): void => {
		client.destroy();
		void producer.disconnect().catch(() => undefined);
	};
	const codecs = { none: 'None', gzip: 'GZIP', zstd: 'ZSTD' } as const;
	const compression = CompressionTypes[codecs[settings.compression]];
	try {
		await endedBy(signal, producer.connect());
	} catch (error) {
		close();
		// the reason lies in a socket that the client has given up
		throw client.refusal() ?? error;
	}
	return {
		get refusal() {
			return client.refusal();
		},
		send: async (topic, messages) =>
			producer.send({
				topic,
				messages: [...messages],
				acks: acks === 'all' ? -1 : 1,
				compression,
			}),
		alive: () => true,
		close,
	};
}

const IDLE: Duration = 30_000;
/** Of one destination at a time, each with connections to several brokers; more deliveries wait. */
const PRODUCERS = 8;

export interface Producers {
	use<R>(
		settings: KafkaSettings,
		deadline: Deadline,
		work: (producer: GuardedProducer) => Promise<R>,
	): Promise<R>;
	close(): void;
}

/**
 * Producers that outlive their delivery: a login and a producer's number cost more than a small message. Each is used
 * by one delivery at a time, and none that failed is used again: what an idempotent producer did not hear about may
 * have been written under the number that its next message would get, and that would be dropped as a repeat.
 */
export function createProducers(egress: Egress, clock: Clock): Producers {
	const pool = createPool<GuardedProducer>(clock, { idle: IDLE });
	return {
		use: async (settings, deadline, work) => {
			const { signal } = deadline;
			return pool.use({
				key: keyOf(settings),
				limit: PRODUCERS,
				signal,
				waits: deadline,
				open: async () => openProducer(settings, { egress, signal }),
				work: async (producer) => {
					try {
						return await endedBy(signal, work(producer));
					} catch (error) {
						throw producer.refusal ?? error;
					}
				},
				// the client itself connects again; what it gave up may have been written
				mayRepeat: () => false,
			});
		},
		close() {
			pool.close();
		},
	};
}

/** All that makes a connection what it is, credentials too, without telling them. */
function keyOf(settings: KafkaSettings): string {
	const { brokers, tls, sasl, user, password, clientId, idempotent, acks, compression } = settings;
	const parts = [brokers, tls, sasl, user, password, clientId, idempotent, acks, compression];
	return poolKey(parts);
}
