import type { Actor } from '../contract/access.ts';
import type { ActionManifest, Capability, CapabilityInput } from '../contract/capability.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { EventDraft } from '../contract/event.ts';
import type { JsonObject } from '../contract/json.ts';
import { capabilityNameSchema } from '../contract/names.ts';
import { parseInput, shown } from '../contract/zod-issues.ts';
import type { SessionAdapter } from '../sessions/session.port.ts';
import { mayUse } from './access.ts';
import type { Context } from './context.ts';
import { checkSchema } from './json-schema.ts';
import { joinSecrets, maskedSettings, splitSecrets } from './secrets.ts';

export interface RegisteredCapability {
	capability: Capability;
	created: boolean;
	/** Secrets that the engine made, by the field of the binding; shown once. */
	secrets: Record<string, string>;
}

export async function registerCapability(
	ctx: Context,
	actor: Actor,
	name: string,
	input: CapabilityInput,
	ifMatch?: number,
): Promise<RegisteredCapability> {
	parseInput(capabilityNameSchema, name, { path: 'capability' });
	if (input.name !== undefined && input.name !== name) {
		throw inputError('INVALID_REQUEST', {
			path: 'name',
			expected: `the name in the path, "${name}"`,
			received: shown(input.name),
		});
	}
	if (!mayUse(actor, name)) throw new CapError('FORBIDDEN', `this key may not use ${name}`);
	const adapter = adapterOf(ctx, input.binding.type);
	const before = await ctx.store.getCapability(actor.tenant, name);
	const { settings, generated } = bindingSettings(ctx, adapter, input, before);
	const actions = checkedActions(adapter, input.actions);
	await adapter.check(settings, actions);

	const owner = { tenant: actor.tenant, type: 'capability', id: name };
	const split = splitSecrets(ctx.sealing, settings, { secrets: adapter.secrets, owner });
	const now = ctx.clock.now();
	const stored = await ctx.store.putCapability(
		{
			tenant: actor.tenant,
			name,
			...(input.title === undefined ? {} : { title: input.title }),
			...(input.description === undefined ? {} : { description: input.description }),
			actions,
			binding: { type: adapter.type, ...split },
			createdAt: before?.createdAt ?? now,
			updatedAt: now,
		},
		{
			...(ifMatch === undefined ? {} : { expected: ifMatch }),
			events: [capabilityEvent('capability.registered', actor.tenant, name, now)],
		},
	);
	if (stored === 'revision_differs') throw revisionDiffers(name);
	return { capability: stored, created: stored.revision === 1, secrets: generated };
}

function adapterOf(ctx: Context, type: string): SessionAdapter {
	const adapter = ctx.sessions.get(type);
	if (adapter !== undefined) return adapter;
	const known = ctx.sessions.list().map(({ type: known }) => known);
	throw inputError('BINDING_INVALID', {
		path: 'binding.type',
		expected: `one of ${known.join(', ')}`,
		received: shown(type),
	});
}

/** Parsed settings of the binding. Secrets that the user leaves out are kept from before, or made. */
function bindingSettings(
	ctx: Context,
	adapter: SessionAdapter,
	input: CapabilityInput,
	before: Capability | null,
): { settings: JsonObject; generated: Record<string, string> } {
	const { type, ...given } = input.binding;
	const settings = parseInput(adapter.settings, given, {
		path: 'binding',
		code: 'BINDING_INVALID',
	}) as JsonObject;
	if (before?.binding.type === type) {
		const kept = bindingOf(ctx, before);
		for (const field of adapter.secrets) {
			const value = kept[field];
			if (settings[field] === undefined && value !== undefined) settings[field] = value;
		}
	}
	const generated = adapter.generate?.(settings) ?? {};
	return { settings: { ...settings, ...generated }, generated };
}

/** The settings of a capability's binding with their secrets, for the adapter. */
export function bindingOf(ctx: Pick<Context, 'sealing'>, capability: Capability): JsonObject {
	return joinSecrets(ctx.sealing, capability.binding, {
		owner: { tenant: capability.tenant, type: 'capability', id: capability.name },
	});
}

function checkedActions(
	adapter: SessionAdapter,
	actions: Record<string, ActionManifest>,
): Record<string, ActionManifest> {
	return Object.fromEntries(
		Object.entries(actions).map(([name, action]) => {
			const path = `actions.${name}`;
			for (const part of ['parameters', 'result'] as const) {
				if (action[part] !== undefined) checkSchema(action[part], `${path}.${part}`);
			}
			return [name, withActionSettings(adapter, action, path)];
		}),
	);
}

function withActionSettings(
	adapter: SessionAdapter,
	action: ActionManifest,
	path: string,
): ActionManifest {
	if (adapter.actionSettings === undefined) {
		if (action.binding === undefined) return action;
		throw inputError('BINDING_INVALID', {
			path: `${path}.binding`,
			expected: `nothing: a binding of type "${adapter.type}" has no settings of actions`,
			received: 'an object',
		});
	}
	const parsed = parseInput(adapter.actionSettings, action.binding ?? {}, {
		path: `${path}.binding`,
		code: 'BINDING_INVALID',
	}) as JsonObject;
	return { ...action, binding: parsed };
}

/** The capability and its action, for someone who may use it. */
export async function findAction(
	ctx: Context,
	actor: Actor,
	{ capability: name, action: actionName }: { capability: string; action: string },
): Promise<{ capability: Capability; action: ActionManifest }> {
	const capability = mayUse(actor, name) ? await ctx.store.getCapability(actor.tenant, name) : null;
	if (capability === null) throw new CapError('NOT_FOUND', `no capability "${name}"`);
	if (!Object.hasOwn(capability.actions, actionName)) {
		throw inputError('ACTION_UNKNOWN', {
			path: 'action',
			expected: `an action of ${name}: ${Object.keys(capability.actions).join(', ')}`,
			received: shown(actionName),
		});
	}
	return { capability, action: capability.actions[actionName]! };
}

export async function removeCapability(
	ctx: Context,
	actor: Actor,
	name: string,
	ifMatch?: number,
): Promise<void> {
	const done = mayUse(actor, name)
		? await ctx.store.deleteCapability(actor.tenant, name, {
				...(ifMatch === undefined ? {} : { expected: ifMatch }),
				events: [capabilityEvent('capability.removed', actor.tenant, name, ctx.clock.now())],
			})
		: 'not_found';
	if (done === 'deleted') return;
	if (done === 'not_found') throw new CapError('NOT_FOUND', `no capability "${name}"`);
	if (done === 'revision_differs') throw revisionDiffers(name);
	throw inUse(name, done.usedBy);
}

export function revisionDiffers(what: string): CapError {
	return new CapError(
		'PRECONDITION_FAILED',
		`${what}: If-Match names another revision than the current one`,
	);
}

export function inUse(what: string, usedBy: readonly string[]): CapError {
	const some = usedBy.slice(0, 10).join(', ');
	const more = usedBy.length > 10 ? ` and ${usedBy.length - 10} more` : '';
	return new CapError('IN_USE', `${what} is used by ${some}${more}`);
}

function capabilityEvent(
	type: 'capability.registered' | 'capability.removed',
	tenant: string,
	capability: string,
	at: number,
): EventDraft {
	return { type, tenant, at, subject: { capability } };
}

/** What GET shows: no secrets. */
export function presentCapability(capability: Capability): JsonObject {
	const { type } = capability.binding;
	return {
		name: capability.name,
		revision: capability.revision,
		title: capability.title ?? null,
		description: capability.description ?? null,
		actions: capability.actions as JsonObject,
		binding: { type, ...maskedSettings(capability.binding) },
		createdAt: new Date(capability.createdAt).toISOString(),
		updatedAt: new Date(capability.updatedAt).toISOString(),
	};
}
