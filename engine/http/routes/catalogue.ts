import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { bindingTypeSchema, channelSchema, formatSchema } from '../../contract/answers.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const list = (items: unknown[]): Reply => ({ status: 200, body: { items, nextCursor: null } });

/** Schemas do not change while the engine runs. */
const converted = new WeakMap<z.ZodType, object>();

/** What users may write. */
function jsonSchema(schema: z.ZodType): object {
	let json = converted.get(schema);
	if (json === undefined) {
		json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
		converted.set(schema, json);
	}
	return json;
}

export const CATALOGUE_ROUTES = [
	keyRoute({
		id: 'listFormats',
		method: 'get',
		path: '/v1/formats',
		tag: 'Catalogue',
		summary: 'List formats with the schemas of their options',
		scopes: [],
		answers: { 200: { description: 'All formats.', schema: pageOf(formatSchema) } },
		async handle({ ctx }) {
			return list(
				ctx.formats.list().map((format) => ({
					name: format.name,
					title: format.title,
					contentType: format.contentType,
					extension: format.extension,
					abilities: format.abilities,
					limits: format.limits,
					options: jsonSchema(format.options),
				})),
			);
		},
	}),
	keyRoute({
		id: 'listChannels',
		method: 'get',
		path: '/v1/channels',
		tag: 'Catalogue',
		summary: 'List channels with the schemas of their settings',
		scopes: [],
		answers: { 200: { description: 'All channels.', schema: pageOf(channelSchema) } },
		async handle({ ctx }) {
			return list(
				ctx.channels.list().map((channel) => ({
					name: channel.name,
					title: channel.title,
					abilities: channel.abilities,
					limits: channel.limits,
					settings: jsonSchema(channel.settings),
					secrets: channel.secrets,
				})),
			);
		},
	}),
	keyRoute({
		id: 'listBindings',
		method: 'get',
		path: '/v1/bindings',
		tag: 'Catalogue',
		summary: 'List bindings with the schemas of their settings',
		scopes: [],
		answers: { 200: { description: 'All bindings.', schema: pageOf(bindingTypeSchema) } },
		async handle({ ctx }) {
			return list(
				ctx.sessions.list().map((binding) => ({
					type: binding.type,
					title: binding.title,
					abilities: binding.abilities,
					settings: jsonSchema(binding.settings),
					actionSettings:
						binding.actionSettings === undefined ? null : jsonSchema(binding.actionSettings),
					secrets: binding.secrets,
				})),
			);
		},
	}),
];
