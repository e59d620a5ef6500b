import type { Sealed } from '../contract/sealed.ts';
import type { JsonObject, JsonValue } from '../contract/json.ts';
import type { SealBinding, Sealing } from '../security/security.port.ts';

type Owner = Omit<SealBinding, 'field'>;

/** Settings with their secrets taken out and sealed, each bound to its owner and field. */
export interface SplitSettings {
	settings: JsonObject;
	sealed: Record<string, Sealed>;
}

/** Takes the secret fields out of parsed settings. `prefix` keeps the fields of several places of one owner apart. */
export function splitSecrets(
	sealing: Sealing,
	parsed: JsonObject,
	{ secrets, owner, prefix = '' }: { secrets: readonly string[]; owner: Owner; prefix?: string },
): SplitSettings {
	const settings: JsonObject = {};
	const sealed: Record<string, Sealed> = {};
	for (const [field, value] of Object.entries(parsed)) {
		if (value === undefined) continue;
		if (secrets.includes(field)) {
			sealed[field] = sealing.seal(JSON.stringify(value), { ...owner, field: prefix + field });
		} else {
			settings[field] = value;
		}
	}
	return { settings, sealed };
}

/** Puts the secrets back for use. */
export function joinSecrets(
	sealing: Sealing,
	split: { settings?: JsonObject | undefined; sealed?: Record<string, Sealed> | undefined },
	{ owner, prefix = '' }: { owner: Owner; prefix?: string },
): JsonObject {
	const joined: JsonObject = { ...split.settings };
	for (const [field, sealed] of Object.entries(split.sealed ?? {})) {
		joined[field] = JSON.parse(
			sealing.open(sealed, { ...owner, field: prefix + field }),
		) as JsonValue;
	}
	return joined;
}

/** What answers show in the place of secrets. */
export const MASK = '(secret)';

export function maskedSettings(split: {
	settings?: JsonObject | undefined;
	sealed?: Record<string, Sealed> | undefined;
}): JsonObject {
	const shown: JsonObject = { ...split.settings };
	for (const field of Object.keys(split.sealed ?? {})) shown[field] = MASK;
	return shown;
}
