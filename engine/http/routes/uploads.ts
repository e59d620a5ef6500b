import { createHash } from 'node:crypto';
import type { Request } from 'express';

import type { RunId } from '../../contract/ids.ts';
import { deliveredSchema, formatPreviewAnswerSchema } from '../../contract/answers-runs.ts';
import { CapError, inputError } from '../../contract/errors.ts';
import type { JsonObject } from '../../contract/json.ts';
import { jsonObjectSchema } from '../../contract/json.ts';
import {
	deliverInputSchema,
	formatPreviewSchema,
	formatQuerySchema,
	OPTIONS_HEADER,
} from '../../contract/uploads.ts';
import { parseInput } from '../../contract/zod-issues.ts';
import { hasScope } from '../../pipeline/access.ts';
import type { HandedIn, KeptUpload } from '../../pipeline/hand-in.ts';
import {
	handIn,
	keepUpload,
	planHandIn,
	stateOfAll,
	waitForDeliveries,
} from '../../pipeline/hand-in.ts';
import type { FormatWish, FormattedFile } from '../../pipeline/uploads.ts';
import { formatStored, formatUpload, previewFormat } from '../../pipeline/uploads.ts';
import { presentDelivery, presentLink, presentResult } from '../../pipeline/present.ts';
import { hasBody } from '../body.ts';
import { goneSignal } from '../gone.ts';
import type { KeyCall, Reply } from '../route.ts';
import { keyRoute } from '../route.ts';
import { asAnswer, headerInput, parseJsonAt, sendMade, uploadOf } from '../upload.ts';

const ROWS_OR_FILE = ['application/x-ndjson', 'text/csv', 'application/octet-stream'];

const body = {
	kind: 'stream',
	description:
		'Rows or a file, told apart by Content-Type: a JSON list or `{ "rows": […], "columns": […] }`, NDJSON or CSV are rows, ' +
		'all else is a file. As large as a result may be; gzip is understood.',
	media: ROWS_OR_FILE,
} as const;

const UNSUITABLE = [
	'FORMAT_UNKNOWN',
	'FORMAT_UNSUITABLE',
	'TEMPLATE_INVALID',
	'PATH_INVALID',
] as const;
const JSON_ERRORS = [
	'INVALID_JSON',
	'DUPLICATE_KEY',
	'FORBIDDEN_KEY',
	'TOO_DEEP',
	'NOT_UTF8',
] as const;
/** A zone that does not exist. */
const ZONE = 'INVALID_TIMING';

type FormatCall = KeyCall<unknown, typeof formatQuerySchema._output>;

async function made({ ctx, actor, query, request }: FormatCall): Promise<FormattedFile> {
	const { runId, result, options, schema, ...rest } = query;
	const wish: FormatWish = {
		...rest,
		options: objectIn('options', options),
		schema: objectIn('schema', schema),
	};
	const stored = runId !== undefined || result !== undefined;
	if (stored === hasBody(request) || (runId !== undefined && result !== undefined)) {
		throw inputError('INVALID_REQUEST', {
			path: 'body',
			expected: 'either a body, or "runId", or "result" in the query',
		});
	}
	if (!stored) return formatUpload(ctx, uploadOf(request), wish);
	if (hasScope(actor, 'results:read')) return formatStored(ctx, actor, { runId, result }, wish);
	throw new CapError('FORBIDDEN', 'this key lacks the scope results:read');
}

function objectIn(name: string, text: string | undefined): JsonObject | undefined {
	const path = `query.${name}`;
	return text === undefined
		? undefined
		: parseInput(jsonObjectSchema, parseJsonAt(path, text), { path });
}

/** What a repeat must have in common with the first: beside the body what is said about it. */
function sentOf(request: Request, { result }: KeptUpload): Uint8Array {
	const { [OPTIONS_HEADER]: options = '', 'content-type': type = '' } = request.headers;
	return createHash('sha256')
		.update(`${type}\n${String(options)}\n${result.blob.sha256}`)
		.digest();
}

const handedInReply = (
	{ run, result, deliveries, link, secrets }: HandedIn,
	publicUrl: string,
): Reply => ({
	status: deliveries.length === 0 ? 200 : 202,
	headers: { location: `${publicUrl}/v1/runs/${run.id}` },
	body: {
		runId: run.id,
		state: stateOfAll(deliveries),
		result: presentResult(result),
		deliveries: deliveries.map(presentDelivery),
		link: link === null ? null : { link: presentLink(link.link), url: link.url },
		...(Object.keys(secrets).length === 0 ? {} : { secrets }),
	},
});

/** Answers when all deliveries are settled or the client's patience is over. */
async function waited({ ctx, actor, waitWithin, response }: KeyCall, reply: Reply): Promise<Reply> {
	if (waitWithin === 0) return reply;
	const { runId, ...first } = reply.body as { runId: RunId };
	const signal = goneSignal(response);
	const now = await waitForDeliveries(ctx, actor.tenant, runId, { within: waitWithin, signal });
	const state = stateOfAll(now);
	return {
		...reply,
		status: state === 'pending' ? 202 : 200,
		body: { runId, ...first, state, deliveries: now.map(presentDelivery) },
	};
}

export const UPLOAD_ROUTES = [
	keyRoute({
		id: 'format',
		method: 'post',
		path: '/v1/format',
		tag: 'One-off work',
		summary: 'Turn rows or a file into a file',
		description:
			'What is sent is checked to its end before the first byte is answered; a file that breaks off later breaks the ' +
			'connection. Nothing is kept. A stored result needs `results:read`.',
		scopes: ['runs:execute', 'results:read'],
		query: formatQuerySchema,
		body,
		answers: {
			200: {
				description: 'The file, as it is made.',
				// a file that is passed on keeps the type that it came with
				media: ['application/json', 'text/csv', 'text/html', ...ROWS_OR_FILE, '*/*'],
				headers: {
					'content-disposition': '`attachment`, with a name.',
					trailer:
						'`CapScheduler-Notices` comes after the file: what it does not show of the rows, because a limit of the format was met, as JSON.',
				},
			},
		},
		errors: [...UNSUITABLE, ...JSON_ERRORS, ZONE, 'INVALID_SCHEMA', 'NOT_FOUND', 'GONE'],
		example: {
			query: 'format=csv&name=sales',
			body: [{ region: 'EU', sales: 42 }],
		},
		async handle(call) {
			const { ctx, response } = call;
			try {
				return await sendMade(response, await made(call));
			} catch (error) {
				throw asAnswer(error, { maxBytes: ctx.settings.maxResultBytes, what: 'body' });
			}
		},
	}),
	keyRoute({
		id: 'previewFormat',
		method: 'post',
		answerKept: true,
		path: '/v1/format/preview',
		tag: 'One-off work',
		summary: 'Tell what a file would be called',
		scopes: [],
		body: { kind: 'json', schema: formatPreviewSchema, optional: true },
		answers: { 200: { description: 'Its name and type.', schema: formatPreviewAnswerSchema } },
		errors: [...UNSUITABLE, ZONE],
		example: {
			body: { format: 'csv', name: 'sales', filename: '{{name}}-{{nominalAt:yyyy-MM}}.{{ext}}' },
		},
		async handle({ ctx, body: wish }) {
			return { status: 200, body: previewFormat(ctx, wish) };
		},
	}),
	keyRoute({
		id: 'deliver',
		method: 'post',
		path: '/v1/deliver',
		tag: 'One-off work',
		summary: 'Deliver rows or a file',
		description:
			'Becomes a run that is over at once, with what was sent as its result: its deliveries have attempts, receipts and ' +
			'dead letters and can be replayed as those of any run. Answers when all is in the store; with `Prefer: wait=30` ' +
			'when all deliveries are settled, at most 60 seconds later.',
		scopes: ['runs:execute'],
		makesWork: true,
		body,
		headers: [
			{
				name: OPTIONS_HEADER,
				description:
					'Where it goes and as what: JSON in ASCII (`\\u00e4`) or UTF-8. Not in the URL, since settings of targets may hold secrets.',
				example:
					'{"name":"sales","delivery":{"targets":[{"destination":"warehouse","format":"csv"}]}}',
				json: deliverInputSchema,
			},
		],
		waits: true,
		answers: {
			200: {
				description: 'All deliveries are settled, or there are none.',
				schema: deliveredSchema,
				headers: { location: 'The run that holds it.' },
			},
			202: {
				description: 'It is in the store and on its way.',
				schema: deliveredSchema,
				headers: { location: 'The run that holds it.' },
			},
		},
		errors: [
			...UNSUITABLE,
			...JSON_ERRORS,
			ZONE,
			'UNSUPPORTED_FIELD',
			'INVALID_POLICIES',
			'CHANNEL_UNKNOWN',
			'DESTINATION_UNKNOWN',
			'EGRESS_BLOCKED',
			'FILE_ROOT_FORBIDDEN',
		],
		example: { body: [{ region: 'EU', sales: 42 }] },
		async handle(call) {
			const { ctx, actor, request, once } = call;
			const input = headerInput(request, OPTIONS_HEADER, deliverInputSchema);
			const plan = await planHandIn(ctx, actor, input);
			if (!hasBody(request)) {
				throw inputError('INVALID_REQUEST', { path: 'body', expected: 'rows or a file' });
			}
			try {
				const kept = await keepUpload(ctx, plan, uploadOf(request));
				const reply = await once(
					(asked) => handIn(ctx, actor, { plan, kept }, asked),
					(done: HandedIn) => handedInReply(done, ctx.settings.publicUrl()),
					{ sent: sentOf(request, kept) },
				);
				return await waited(call, reply);
			} catch (error) {
				throw asAnswer(error, { maxBytes: ctx.settings.maxResultBytes, what: 'body' });
			}
		},
	}),
];
