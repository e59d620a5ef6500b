import type { RecordMetadata } from 'kafkajs';

import type { Clock } from '../../clock.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import { toIso } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { createDeadline } from '../shared/deadline.ts';
import { linesOf } from '../shared/lines.ts';
import { readParcel, readWhole } from '../shared/source.ts';
import { fieldsOf, renderTemplate } from '../shared/template.ts';
import { failureFrom } from './failure.ts';
import type { Message } from './messages.ts';
import { fileMessage, linkMessage, rowMessages } from './messages.ts';
import { probeCluster } from './probe.ts';
import type { GuardedProducer } from './producer.ts';
import { createProducers } from './producer.ts';
import type { KafkaSettings } from './settings.ts';
import { brokerOf, isInternal, kafkaSettingsSchema } from './settings.ts';

export interface KafkaTools {
	egress: Egress;
	clock: Clock;
}

/** `prepare`'s plan. */
interface Plan {
	topic: string;
	how: 'file' | 'rows' | 'link';
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** A batch of rows: small beside what a topic takes as one, large enough to be quick. */
const BATCH = { messages: 1000, bytes: 500_000 } as const;

/** Sends the artifact as one message, as a message a row, or as a link to it. */
export function createKafkaChannel({ egress, clock }: KafkaTools): Channel {
	const producers = createProducers(egress, clock);

	async function send(
		{ topic, how }: Plan,
		settings: KafkaSettings,
		{ parcel, deadline }: { parcel: Parcel; deadline: Deadline },
	): Promise<JsonObject> {
		deadline.signal.throwIfAborted();
		if (how === 'rows') {
			// read once before anything is sent: messages that were sent cannot be taken back
			for await (const lines of linesOf(readParcel(parcel, deadline), settings.maxMessageBytes)) {
				void lines;
			}
			return producers.use(settings, deadline, async (producer) =>
				sendRows(producer, { topic, settings, parcel, deadline }),
			);
		}
		const message = await single(parcel, settings, { how, deadline });
		return producers.use(settings, deadline, async (producer) => {
			const [first] = await producer.send(topic, [message]);
			return { topic, sentAs: how, messages: 1, ...wordOf(first) };
		});
	}

	return {
		name: 'kafka',
		title: 'Kafka',
		abilities: {
			streaming: true,
			atomic: false,
			receipt: "topic, partition and offset, by the broker's answer",
			idempotency:
				'the producer is idempotent within an attempt; every attempt carries the same header capscheduler-delivery, and rows their number',
		},
		limits: { messageBytes: 50_000_000 },
		settings: kafkaSettingsSchema,
		secrets: ['password'],
		retries: [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 4 * HOUR],
		timeout: MINUTE,
		format: (settings) => ((settings as KafkaSettings).content === 'rows' ? 'ndjson' : undefined),
		async check(settings) {
			const { brokers, topic, topics } = settings as KafkaSettings;
			const [internal] = [...(topics ?? []), topic].filter(isInternal);
			if (internal !== undefined) throw forbidden(internal, 'a topic that is not internal');
			if (fieldsOf(topic)?.length === 0) demandAllowed(topic, settings as KafkaSettings);
			for (const [at, address] of brokers.entries()) {
				const { host, port } = brokerOf(address) ?? { host: '', port: 0 };
				await egress.checkHost(host, port, `brokers[${at}]`);
			}
		},
		prepare(settings, parcel): JsonObject {
			const given = settings as KafkaSettings;
			const topic = renderTemplate(given.topic, parcel);
			demandAllowed(topic, given);
			return { topic, how: howFor(parcel, given) };
		},
		async send(prepared, settings, parcel, { signal, timeout }) {
			const plan = prepared as unknown as Plan;
			const deadline = createDeadline(clock, { signal, timeout, silence: MINUTE });
			try {
				const remote = await send(plan, settings as KafkaSettings, { parcel, deadline });
				const { size, sha256 } = parcel;
				const at = toIso(clock.now());
				const location = `kafka://${(settings as KafkaSettings).brokers[0] ?? ''}/${plan.topic}`;
				return {
					kind: 'delivered',
					receipt: { channel: 'kafka', location, size, sha256, remote, at },
				};
			} catch (error) {
				return failureFrom(deadline.signal.aborted ? deadline.signal.reason : error);
			} finally {
				deadline.end();
			}
		},
		probe: async (settings, context) =>
			probeCluster(settings as KafkaSettings, { egress, clock, context }),
		async close() {
			await Promise.resolve();
			producers.close();
		},
	};
}

/** @throws CapError FORBIDDEN */
function demandAllowed(topic: string, { topic: own, topics }: KafkaSettings): void {
	if (isInternal(topic)) throw forbidden(topic, 'a topic that is not internal');
	const allowed = topics ?? [own];
	if (!allowed.includes(topic)) throw forbidden(topic, 'a topic that "topics" lists');
}

function forbidden(topic: string, expected: string): CapError {
	return inputError('FORBIDDEN', {
		path: 'topic',
		expected,
		received: JSON.stringify(topic.slice(0, 100)),
	});
}

function howFor(parcel: Parcel, { content, large, maxMessageBytes }: KafkaSettings): Plan['how'] {
	// word of a run is one message, whatever files are
	if (parcel.message !== undefined) return 'file';
	if (content !== 'file') return content;
	if (parcel.size <= maxMessageBytes) return 'file';
	if (large === 'link' && parcel.report !== undefined) return 'link';
	throw new CapError(
		'RESULT_TOO_LARGE',
		`the file has ${parcel.size} bytes: settings.maxMessageBytes is ${maxMessageBytes}`,
	);
}

async function single(
	parcel: Parcel,
	settings: KafkaSettings,
	{ how, deadline }: { how: 'file' | 'link'; deadline: Deadline },
): Promise<Message> {
	if (how === 'file') {
		return fileMessage(parcel, settings, Buffer.from(await readWhole(parcel, deadline)));
	}
	if (parcel.report === undefined) throw new CapError('GONE', 'nothing gives a link to the file');
	return linkMessage(parcel, settings, await parcel.report.link());
}

async function sendRows(
	producer: GuardedProducer,
	{
		topic,
		settings,
		parcel,
		deadline,
	}: { topic: string; settings: KafkaSettings; parcel: Parcel; deadline: Deadline },
): Promise<JsonObject> {
	const messageOf = rowMessages(parcel, settings);
	/** By partition, the offset of the first row in it. */
	const partitions: Record<string, string> = {};
	let rows = 0;
	let batch: Message[] = [];
	let bytes = 0;
	const flush = async (): Promise<void> => {
		if (batch.length === 0) return;
		deadline.signal.throwIfAborted();
		for (const { partition, baseOffset } of await producer.send(topic, batch)) {
			partitions[partition] ??= baseOffset ?? '';
		}
		deadline.progress();
		batch = [];
		bytes = 0;
	};
	for await (const lines of linesOf(readParcel(parcel, deadline), settings.maxMessageBytes)) {
		for (const line of lines) {
			// what goes to a partition at once is one record to the broker's limit
			if (batch.length >= BATCH.messages || bytes + line.length > BATCH.bytes) await flush();
			rows += 1;
			batch.push(messageOf(line, rows));
			bytes += line.length;
		}
	}
	await flush();
	return { topic, sentAs: 'rows', messages: rows, partitions };
}

function wordOf(metadata: RecordMetadata | undefined): JsonObject {
	if (metadata === undefined) return {};
	return { partition: metadata.partition, offset: metadata.baseOffset ?? '' };
}
