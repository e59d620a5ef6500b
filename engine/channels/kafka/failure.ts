import { CapError } from '../../contract/errors.ts';
import type { ErrorCode, RetryVerdict } from '../../contract/errors.ts';
import type { Failed } from '../shared/failed.ts';
import { isTlsCode } from '../shared/failed.ts';

type Verdict = [ErrorCode, RetryVerdict, string];

/** Answers of brokers, by the name that the protocol gives them. */
const ANSWERS: Readonly<Record<string, Verdict>> = {
	UNKNOWN_TOPIC_OR_PARTITION: ['TARGET_REFUSED', 'never', 'there is no such topic'],
	INVALID_TOPIC_EXCEPTION: ['TARGET_REFUSED', 'never', 'the topic is none that may be written'],
	TOPIC_AUTHORIZATION_FAILED: ['TARGET_REFUSED', 'never', 'the user may not write to the topic'],
	CLUSTER_AUTHORIZATION_FAILED: [
		'TARGET_REFUSED',
		'never',
		'the user may not do that in the cluster',
	],
	SASL_AUTHENTICATION_FAILED: ['TARGET_LOGIN_FAILED', 'later', 'the login was refused'],
	UNSUPPORTED_SASL_MECHANISM: ['TARGET_REFUSED', 'never', 'the broker knows no such way to log in'],
	ILLEGAL_SASL_STATE: ['TARGET_REFUSED', 'never', 'the broker expects no such login'],
	MESSAGE_TOO_LARGE: ['RESULT_TOO_LARGE', 'never', 'the message is too large for the topic'],
	RECORD_LIST_TOO_LARGE: ['RESULT_TOO_LARGE', 'never', 'the message is too large for the topic'],
	POLICY_VIOLATION: ['TARGET_REFUSED', 'never', 'a policy of the cluster forbids it'],
	INVALID_RECORD: ['TARGET_REFUSED', 'never', 'the topic takes no such record (has it keys?)'],
	INVALID_REQUIRED_ACKS: ['TARGET_REFUSED', 'never', 'the broker takes no such "acks"'],
	UNSUPPORTED_COMPRESSION_TYPE: ['TARGET_REFUSED', 'never', 'the topic takes no such compression'],
	THROTTLING_QUOTA_EXCEEDED: ['TARGET_BUSY', 'later', 'the quota of the user is used up'],
	NOT_ENOUGH_REPLICAS: ['TARGET_BUSY', 'later', 'too few replicas are in sync'],
	NOT_ENOUGH_REPLICAS_AFTER_APPEND: ['TARGET_BUSY', 'later', 'too few replicas are in sync'],
	LEADER_NOT_AVAILABLE: ['TARGET_BUSY', 'later', 'the partition has no leader now'],
	NOT_LEADER_FOR_PARTITION: ['TARGET_BUSY', 'later', 'the partition moves'],
	KAFKA_STORAGE_ERROR: ['TARGET_FAULT', 'later', 'the disk of the broker failed'],
	REQUEST_TIMED_OUT: ['TIMEOUT', 'later', 'the replicas did not answer in time'],
};

/** Errors of the client, by name. Its own word on retrying is not asked: a broker that is away is final to it. */
const FAULTS: Readonly<Record<string, Verdict>> = {
	KafkaJSSASLAuthenticationError: ['TARGET_LOGIN_FAILED', 'later', 'the login was refused'],
	KafkaJSRequestTimeoutError: ['TIMEOUT', 'later', 'no answer in time'],
	KafkaJSTimeout: ['TIMEOUT', 'later', 'no answer in time'],
	KafkaJSServerDoesNotSupportApiKey: ['TARGET_PROTOCOL', 'never', 'the broker is too old'],
	KafkaJSConnectionClosedError: ['TARGET_UNREACHABLE', 'later', 'the connection was closed'],
	KafkaJSConnectionError: ['TARGET_UNREACHABLE', 'later', 'no connection'],
	KafkaJSBrokerNotFound: ['TARGET_UNREACHABLE', 'later', 'no broker answers'],
	KafkaJSNoBrokerAvailableError: ['TARGET_UNREACHABLE', 'later', 'no broker answers'],
	KafkaJSMetadataNotLoaded: ['TARGET_REFUSED', 'never', 'there is no such topic'],
	KafkaJSTopicMetadataNotLoaded: ['TARGET_REFUSED', 'never', 'there is no such topic'],
};

interface Fault {
	name?: string;
	type?: string;
	code?: unknown;
	message?: string;
	cause?: unknown;
	originalError?: unknown;
}

/**
 * What a failed send means: the deepest cause that has a meaning, since the client wraps.
 */
export function failureFrom(error: unknown): Failed {
	if (error instanceof CapError) return failed([error.code, error.retry, error.message]);
	const chain = causesOf(error);
	for (const fault of chain) {
		const verdict = verdictOf(fault);
		if (verdict !== null) return failed(verdict);
	}
	const name = chain[0]?.name ?? 'unknown';
	return failed(['TARGET_FAULT', 'later', `the client failed (${name})`]);
}

function verdictOf({ name = '', type = '', code }: Fault): Verdict | null {
	const answer = ANSWERS[type];
	if (answer !== undefined) return [answer[0], answer[1], `${answer[2]} (${type})`];
	if (typeof code === 'string' && isTlsCode(code)) {
		return ['TARGET_PROTOCOL', 'later', `TLS failed (${code})`];
	}
	const fault = FAULTS[name];
	if (fault !== undefined) {
		return [fault[0], fault[1], typeof code === 'string' ? `${fault[2]} (${code})` : fault[2]];
	}
	return type === '' ? null : ['TARGET_FAULT', 'later', `the broker answered ${type}`];
}

/** Deepest first. */
function causesOf(error: unknown): Fault[] {
	const chain: Fault[] = [];
	for (let at = error; at !== undefined && at !== null && chain.length < 10;) {
		const fault = at as Fault;
		chain.unshift(fault);
		at = fault.cause ?? fault.originalError;
	}
	return chain;
}

function failed([code, retry, message]: Verdict): Failed {
	return { kind: 'failed', code, message: message.slice(0, 500), retry };
}
