import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';

import type { Kafka } from 'kafkajs';

import { CapError } from '../../contract/errors.ts';
import type { Duration } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { KafkaSettings } from './settings.ts';
import { GuardedSocket } from './socket.ts';
import type { SocketRequest } from './socket.ts';

const CONNECT_TIMEOUT: Duration = 10_000;
const REQUEST_TIMEOUT: Duration = 30_000;

/** Loaded when the first message is sent. */
export async function loadKafka() {
	const { default: kafkajs } = await import('kafkajs');
	const { CompressionCodecs, CompressionTypes } = kafkajs;
	const compress = promisify(zstdCompress);
	// the client knows zstd by name only
	CompressionCodecs[CompressionTypes.ZSTD] = () => ({
		compress: async (encoder: { buffer: Buffer }) => compress(encoder.buffer),
		decompress: async () => Promise.reject(new Error('nothing is read')),
	});
	return kafkajs;
}

/** A client whose every socket passes the guard, to brokers that the cluster tells of too. */
export interface GuardedClient {
	kafka: Kafka;
	/** What the guard said of a broker, the last time that it refused one: the client only passes words on. */
	refusal(): CapError | null;
	/** Breaks all of its connections. */
	destroy(): void;
}

export async function openClient(settings: KafkaSettings, egress: Egress): Promise<GuardedClient> {
	const { Kafka, logLevel } = await loadKafka();
	const { brokers, sasl, user, password, tls, clientId } = settings;
	const sockets = new Set<GuardedSocket>();
	let refusal: CapError | null = null;
	const socketFactory = (request: SocketRequest): GuardedSocket => {
		const socket = new GuardedSocket(egress, request, CONNECT_TIMEOUT);
		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
		socket.on('error', (error) => {
			if (error instanceof CapError && error.code === 'EGRESS_BLOCKED') refusal = error;
		});
		return socket;
	};
	const login = { mechanism: sasl, username: user ?? '', password: password ?? '' };
	const kafka = new Kafka({
		brokers,
		clientId,
		...(tls === false ? {} : { ssl: tls === true ? {} : { ...tls } }),
		...(sasl === undefined ? {} : { sasl: login as never }),
		connectionTimeout: CONNECT_TIMEOUT,
		authenticationTimeout: CONNECT_TIMEOUT,
		requestTimeout: REQUEST_TIMEOUT,
		// the deliveries' own retries come after these
		retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1000 },
		socketFactory: socketFactory as never,
		logLevel: logLevel.NOTHING,
	});
	return {
		kafka,
		refusal: () => refusal,
		destroy() {
			for (const socket of sockets) socket.destroy();
		},
	};
}
