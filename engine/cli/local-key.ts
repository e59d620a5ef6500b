import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';

import { systemClock } from '../clock.ts';
import { loadConfig } from '../config.ts';
import { keyInputSchema } from '../contract/access.ts';
import type { Actor } from '../contract/access.ts';
import type { JsonObject } from '../contract/json.ts';
import { parseInput } from '../contract/zod-issues.ts';
import { createIds } from '../ids.ts';
import { createEngine } from '../main.ts';
import { claimKeys } from '../pipeline/standing.ts';
import { createKey } from '../pipeline/access.ts';
import { presentKey } from '../pipeline/present.ts';
import { loadKeys } from '../security/key-file.ts';
import { deriveKeys, fingerprintsOf, parseKeys } from '../security/keys.ts';
import { createTokens } from '../security/tokens.ts';
import { CliError, EXIT } from './exit.ts';
import { keyBody } from './key-options.ts';
import type { CreateKeyOptions } from './key-options.ts';

/**
 * Makes a key in the store itself: for those who lost theirs. Whoever may write there owns the data anyway.
 * @throws CapError STORAGE_UNAVAILABLE while an engine holds the folder
 */
export async function createLocalKey(
	name: string,
	options: CreateKeyOptions,
): Promise<{ key: JsonObject; token: string }> {
	const config = loadConfig();
	if (config.store.kind === 'sqlite' && !existsSync(config.dataDir)) {
		throw new CliError(EXIT.failed, `there is no data folder ${config.dataDir}`, {
			hint: 'Name another with CAPSCHEDULER_DATA_DIR, or start the engine: its first start prints a key.',
		});
	}
	const input = parseInput(keyInputSchema, keyBody(name, options));
	const { context } = await createEngine({ ...config, log: { ...config.log, level: 'error' } });
	await context.store.open();
	try {
		// a key that no engine of the store would know is of no use
		await claimKeys(context, fingerprintsOf(await loadKeys(config)));
		const owner: Actor = { keyId: 'key_local', tenant: 'default', scopes: new Set(['admin']) };
		const created = await createKey(context, owner, input);
		if (created.kind !== 'done') throw new Error('no Idempotency-Key was given');
		return { key: presentKey(created.answer.key), token: created.answer.token };
	} finally {
		await context.store.close();
	}
}

/** A well-formed key that no store knows. What is hashed with it is thrown away, so any pepper will do. */
export function generateKey(): string {
	const keys = parseKeys(`unused:${randomBytes(32).toString('base64')}`);
	return createTokens(deriveKeys(keys)).newApiKey(createIds(systemClock)('key')).token;
}
