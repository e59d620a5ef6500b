import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { invokedDetailsSchema, invokedSchema } from '../../contract/answers-runs.ts';
import { capabilitySchema } from '../../contract/answers.ts';
import type { Capability } from '../../contract/capability.ts';
import { capabilityInputSchema } from '../../contract/capability.ts';
import { CapError } from '../../contract/errors.ts';
import type { RunId } from '../../contract/ids.ts';
import { capabilityNameSchema, nameSchema } from '../../contract/names.ts';
import { mayUse } from '../../pipeline/access.ts';
import {
	presentCapability,
	registerCapability,
	removeCapability,
} from '../../pipeline/capabilities.ts';
import type { Context } from '../../pipeline/context.ts';
import type { InvokedRun } from '../../pipeline/invoke.ts';
import { invokeAction, invokeInputSchema, waitForRun } from '../../pipeline/invoke.ts';
import { isOver } from '../../core/run/transitions.ts';
import { goneSignal } from '../gone.ts';
import { pageQuery, pageRequest } from '../lists.ts';
import { revisionTag } from '../preconditions.ts';
import type { KeyCall, Reply } from '../route.ts';
import { keyRoute } from '../route.ts';
import { runDetails, runQueued } from './runs.ts';

const params = z.strictObject({ name: capabilityNameSchema });

const shown = (capability: Capability, { status = 200, secrets = {} } = {}): Reply => ({
	status,
	headers: { etag: revisionTag(capability.revision) },
	body: {
		...presentCapability(capability),
		...(Object.keys(secrets).length === 0 ? {} : { secrets }),
	},
});

const answer = { schema: capabilitySchema, headers: { etag: 'Its revision.' } };

const example = {
	title: 'Reports',
	actions: {
		'daily-sales': {
			parameters: {
				type: 'object',
				properties: { region: { type: 'string' } },
				required: ['region'],
			},
		},
	},
	binding: { type: 'http', url: 'https://example.org/capability' },
};

/** Answers when the run has ended or the client's patience has. */
async function waited(
	{ ctx, actor, waitWithin, response }: KeyCall,
	queued: Reply,
): Promise<Reply> {
	if (waitWithin === 0) return queued;
	const { id, secrets } = queued.body as { id: RunId; secrets?: Record<string, string> };
	const signal = goneSignal(response);
	const run = await waitForRun(ctx, actor.tenant, id, { within: waitWithin, signal });
	const details = await runDetails(ctx, actor, id);
	return {
		body: { ...(details.body as object), ...(secrets === undefined ? {} : { secrets }) },
		status: isOver(run.state) ? 200 : 202,
		headers: queued.headers ?? {},
	};
}

function invokedReply({ run, secrets }: InvokedRun, ctx: Context): Reply {
	const reply = runQueued(run, ctx);
	if (Object.keys(secrets).length === 0) return reply;
	return { ...reply, body: { ...(reply.body as object), secrets } };
}

export const CAPABILITY_ROUTES = [
	keyRoute({
		id: 'listCapabilities',
		method: 'get',
		path: '/v1/capabilities',
		tag: 'Capabilities',
		summary: 'List capabilities',
		scopes: ['schedules:read'],
		query: z.strictObject(pageQuery),
		answers: { 200: { description: 'Capabilities by name.', schema: pageOf(capabilitySchema) } },
		async handle({ ctx, actor, query }) {
			const { items, nextCursor } = await ctx.store.listCapabilities(
				actor.tenant,
				pageRequest(query),
			);
			const usable = items.filter(({ name }) => mayUse(actor, name));
			return { status: 200, body: { items: usable.map(presentCapability), nextCursor } };
		},
	}),
	keyRoute({
		id: 'putCapability',
		method: 'put',
		path: '/v1/capabilities/{name}',
		tag: 'Capabilities',
		summary: 'Register or replace a capability',
		description:
			'The manifest: actions with JSON Schemas, and the binding that says how the capability is reached ' +
			'(see `GET /v1/bindings`). Secrets of the binding that are left out are kept.',
		scopes: ['capabilities:write'],
		params,
		names: 'capability',
		body: { kind: 'json', schema: capabilityInputSchema },
		conditional: true,
		answers: {
			200: { description: 'Replaced.', ...answer },
			201: { description: 'Registered.', ...answer },
		},
		errors: [
			'BINDING_INVALID',
			'INVALID_SCHEMA',
			'EGRESS_BLOCKED',
			'MODULE_UNKNOWN',
			'FILE_ROOT_FORBIDDEN',
			'CONFLICT',
		],
		example: { params: { name: 'reports' }, body: example },
		async handle({ ctx, actor, params: { name }, body, ifMatch, request }) {
			if (
				request.headers['if-match'] === '*' &&
				(await ctx.store.getCapability(actor.tenant, name)) === null
			) {
				throw new CapError(
					'PRECONDITION_FAILED',
					`header If-Match: there is no capability "${name}"`,
				);
			}
			const { capability, created, secrets } = await registerCapability(
				ctx,
				actor,
				name,
				body,
				ifMatch,
			);
			return shown(capability, { status: created ? 201 : 200, secrets });
		},
	}),
	keyRoute({
		id: 'getCapability',
		method: 'get',
		path: '/v1/capabilities/{name}',
		tag: 'Capabilities',
		summary: 'Show a capability',
		scopes: ['schedules:read'],
		params,
		answers: { 200: { description: 'Its manifest.', ...answer } },
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { name } }) {
			const capability = mayUse(actor, name)
				? await ctx.store.getCapability(actor.tenant, name)
				: null;
			if (capability === null) throw new CapError('NOT_FOUND', `no capability "${name}"`);
			return shown(capability);
		},
	}),
	keyRoute({
		id: 'deleteCapability',
		method: 'delete',
		path: '/v1/capabilities/{name}',
		tag: 'Capabilities',
		summary: 'Remove a capability',
		description: 'Refused while schedules that are active or paused use it.',
		scopes: ['capabilities:write'],
		params,
		conditional: true,
		answers: { 204: { description: 'It is gone.' } },
		errors: ['NOT_FOUND', 'IN_USE'],
		async handle({ ctx, actor, params: { name }, ifMatch }) {
			await removeCapability(ctx, actor, name, ifMatch);
			return { status: 204 };
		},
	}),
	keyRoute({
		id: 'invokeAction',
		method: 'post',
		path: '/v1/capabilities/{name}/actions/{action}/invoke',
		tag: 'Capabilities',
		summary: 'Run an action now',
		description:
			'With `Prefer: wait=30` the answer waits for the end of the run, at most 60 seconds.',
		scopes: ['runs:execute'],
		makesWork: true,
		params: params.extend({ action: nameSchema }),
		body: { kind: 'json', schema: invokeInputSchema, optional: true },
		waits: true,
		answers: {
			200: {
				description: 'The run has ended (only with `Prefer: wait`).',
				schema: invokedDetailsSchema,
			},
			202: {
				description: 'The run is queued or under way.',
				schema: invokedSchema,
				headers: { location: 'The run.' },
			},
		},
		errors: [
			'NOT_FOUND',
			'ACTION_UNKNOWN',
			'INVALID_PARAMETERS',
			'INVALID_POLICIES',
			'FORMAT_UNKNOWN',
			'FORMAT_UNSUITABLE',
			'CHANNEL_UNKNOWN',
			'DESTINATION_UNKNOWN',
			'FILE_ROOT_FORBIDDEN',
			'TEMPLATE_INVALID',
			'PATH_INVALID',
			'EGRESS_BLOCKED',
		],
		example: {
			params: { name: 'reports', action: 'daily-sales' },
			body: { parameters: { region: 'EU' } },
		},
		async handle(call) {
			const {
				ctx,
				actor,
				params: { name: capability, action },
				body,
				once,
			} = call;
			const queued = await once(
				(request) => invokeAction(ctx, actor, { capability, action }, body, request),
				(invoked: InvokedRun) => invokedReply(invoked, ctx),
			);
			return waited(call, queued);
		},
	}),
];
