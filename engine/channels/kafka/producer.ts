import type { RecordMetadata } from 'kafkajs';

import type { CapError } from '../../contract/errors.ts';
import type { Clock } from '../../clock.ts';
import type { Duration } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import { endedBy } from '../shared/deadline.ts';
import { poolKey } from '../shared/pool.ts';
import { loadKafka, openClient } from './client.ts';
import type { Message } from './messages.ts';
import type { KafkaSettings } from './settings.ts';

/** A producer with its own connections, used by one delivery at a time. */
export interface GuardedProducer {
	/** @returns the broker's word: topic, partition and the first offset of what it took there */
	send(topic: string, messages: readonly Message[]): Promise<RecordMetadata[]>;
	/** What the guard said of a broker, the last time that it refused one. */
	readonly refusal: CapError | null;
	/** At once: whoever waits for an answer is told. */
	destroy(): void;
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
	const destroy = (): void => {
		client.destroy();
		void producer.disconnect().catch(() => undefined);
	};
	const codecs = { none: 'None', gzip: 'GZIP', zstd: 'ZSTD' } as const;
	const compression = CompressionTypes[codecs[settings.compression]];
	try {
		await endedBy(signal, producer.connect());
	} catch (error) {
		destroy();
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
		destroy,
	};
}

const IDLE: Duration = 30_000;

/**
 * Producers that outlive their delivery: a login and a producer's number cost more than a small message. Each is used
 * by one delivery at a time, and none that failed is used again: what an idempotent producer did not hear about may
 * have been written under the number that its next message would get, and that would be dropped as a repeat.
 */
export class ProducerPool {
	readonly #egress: Egress;
	readonly #clock: Clock;
	readonly #idle = new Map<string, { producer: GuardedProducer; cancel: () => void }[]>();
	#closed = false;

	constructor(egress: Egress, clock: Clock) {
		this.#egress = egress;
		this.#clock = clock;
	}

	async use<T>(
		settings: KafkaSettings,
		signal: AbortSignal,
		work: (producer: GuardedProducer) => Promise<T>,
	): Promise<T> {
		const key = keyOf(settings);
		const producer =
			this.#take(key) ?? (await openProducer(settings, { egress: this.#egress, signal }));
		try {
			const done = await endedBy(signal, work(producer));
			this.#give(key, producer);
			return done;
		} catch (error) {
			producer.destroy();
			throw producer.refusal ?? error;
		}
	}

	close(): void {
		this.#closed = true;
		for (const list of this.#idle.values()) {
			for (const { producer, cancel } of list) {
				cancel();
				producer.destroy();
			}
		}
		this.#idle.clear();
	}

	#take(key: string): GuardedProducer | undefined {
		const found = this.#idle.get(key)?.pop();
		found?.cancel();
		return found?.producer;
	}

	#give(key: string, producer: GuardedProducer): void {
		if (this.#closed) {
			producer.destroy();
			return;
		}
		const list = this.#idle.get(key) ?? [];
		const entry = {
			producer,
			cancel: this.#clock.after(IDLE, () => {
				list.splice(list.indexOf(entry), 1);
				if (list.length === 0) this.#idle.delete(key);
				producer.destroy();
			}),
		};
		list.push(entry);
		this.#idle.set(key, list);
	}
}

/** All that makes a connection what it is, credentials too, without telling them. */
function keyOf(settings: KafkaSettings): string {
	const { brokers, tls, sasl, user, password, clientId, idempotent, acks, compression } = settings;
	const parts = [brokers, tls, sasl, user, password, clientId, idempotent, acks, compression];
	return poolKey(parts);
}
