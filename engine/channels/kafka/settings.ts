import { z } from 'zod';

import { fieldsOf, isTemplate, templateExpectation } from '../shared/template.ts';

const MB = 1_000_000;

const text = (max: number): z.ZodString =>
	z
		.string()
		.min(1)
		.max(max)
		.regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'text without line breaks and control characters');

/** As brokers take them (org.apache.kafka.common.internals.Topic). */
const TOPIC = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;
const topicName = z
	.string()
	.regex(TOPIC, 'a topic: letters, digits, ".", "_" and "-", at most 249');

/** `row.` and the name of a column: its value in that row. */
export const isRowField = (field: string): boolean => /^row\..{1,200}$/.test(field);

const rowTemplate = (max: number): z.ZodString =>
	z
		.string()
		.max(max)
		.refine((template) => isTemplate(template, isRowField), {
			error: templateExpectation(['row.<column>']),
		});

const broker = text(300).refine((address) => brokerOf(address) !== null, {
	error: '"host:port" like "kafka.example.org:9093"',
});

export const kafkaSettingsSchema = z
	.strictObject({
		brokers: z
			.array(broker)
			.min(1)
			.max(20)
			.describe('Where to begin: `host:port`. They tell of the others.'),
		tls: z
			.union([
				z.boolean(),
				z.strictObject({
					ca: z
						.string()
						.max(100_000)
						.optional()
						.describe('PEM of the certificate authority to trust instead of the public ones.'),
				}),
			])
			.default(true),
		sasl: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
		user: text(256).optional(),
		password: z.string().min(1).max(1024).optional(),
		topic: z
			.string()
			.min(1)
			.max(300)
			.refine((template) => isTemplate(template), { error: templateExpectation() })
			.describe('A topic, or a template of one: then `topics` lists those that may come out.'),
		topics: z
			.array(topicName)
			.min(1)
			.max(100)
			.optional()
			.describe('Nothing is sent to any other topic.'),
		content: z
			.enum(['file', 'rows', 'link'])
			.default('file')
			.describe(
				'One message that is the file; a message a row, each a JSON object; or a message with a link.',
			),
		large: z
			.enum(['link', 'refuse'])
			.default('link')
			.describe('What becomes of a file larger than `maxMessageBytes`.'),
		maxMessageBytes: z
			.number()
			.int()
			.min(1000)
			.max(50 * MB)
			.default(MB)
			.describe('What brokers take as one message is 1 MB unless they are told otherwise.'),
		key: rowTemplate(1000)
			.optional()
			.describe(
				'A template; with `rows`, `{{row.column}}` too. Absent: the id of the delivery, and none for rows.',
			),
		headers: z
			.record(
				z
					.string()
					.regex(
						/^(?!capscheduler-)[\x21-\x7e]{1,200}$/,
						'a header name that the engine does not set itself',
					),
				rowTemplate(1000),
			)
			.refine((headers) => Object.keys(headers).length <= 30, { error: 'at most 30 headers' })
			.default({}),
		acks: z
			.enum(['all', 'leader'])
			.default('all')
			.describe('Whose word counts: all replicas in sync, or the leader alone.'),
		idempotent: z
			.boolean()
			.default(true)
			.describe('The broker drops what it has from this producer already; needs `acks` `all`.'),
		compression: z.enum(['none', 'gzip', 'zstd']).default('none'),
		clientId: text(200).default('capscheduler'),
	})
	.superRefine((settings, context) => {
		const wrong = (path: string, message: string): void => {
			context.addIssue({ code: 'custom', path: [path], message });
		};
		const { sasl, user, password, topic, topics } = settings;
		const login = [sasl, user, password].filter((part) => part !== undefined).length;
		if (login !== 0 && login !== 3)
			wrong('sasl', '"sasl", "user" and "password" together, or none');
		if (settings.idempotent && settings.acks !== 'all')
			wrong('idempotent', '`false` with `acks` `leader`');
		const fields = fieldsOf(topic) ?? [];
		if (fields.length === 0 && !TOPIC.test(topic))
			wrong('topic', 'a topic: letters, digits, ".", "_" and "-"');
		if (fields.length > 0 && topics === undefined)
			wrong('topics', 'a list of topics where "topic" is a template');
		if (settings.content === 'rows') return;
		for (const [path, template] of [
			['key', settings.key ?? ''],
			...Object.entries(settings.headers),
		]) {
			if (!isTemplate(template ?? '')) {
				wrong(path === 'key' ? 'key' : 'headers', 'fields of rows only with `content` `rows`');
			}
		}
	});

export type KafkaSettings = z.output<typeof kafkaSettingsSchema>;

/** `host:port`, the host of an IPv6 literal in brackets. */
export function brokerOf(address: string): { host: string; port: number } | null {
	const [, host = '', port = ''] =
		/^(\[[0-9a-fA-F:.]+\]|[^:[\]/?#@\s]+):(\d{1,5})$/.exec(address) ?? [];
	const number = Number(port);
	return host !== '' && number >= 1 && number <= 65_535 ? { host, port: number } : null;
}

/** Of the brokers themselves, and of what stands around them: a message there could stop a whole cluster. */
const INTERNAL = /^(?:__|_schemas$|_confluent|connect-(?:configs|offsets|status)$)/;

export function isInternal(topic: string): boolean {
	return INTERNAL.test(topic);
}
