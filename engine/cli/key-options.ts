import type { JsonObject } from '../contract/json.ts';

/** What `keys create` takes. */
export interface CreateKeyOptions {
	scope?: string[];
	tenant?: string;
	capability?: string[];
	expires?: string;
	local?: boolean;
}

/** The API's words for the options. */
export function keyBody(name: string, options: CreateKeyOptions): JsonObject {
	return {
		name,
		scopes: options.scope ?? ['admin'],
		...(options.capability === undefined ? {} : { capabilities: options.capability }),
		...(options.tenant === undefined ? {} : { tenant: options.tenant }),
		...(options.expires === undefined ? {} : { expiresIn: options.expires }),
	};
}
