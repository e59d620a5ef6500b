import { sign } from 'node:crypto';
import type { Dispatcher } from 'undici';

import type { Clock } from '../../clock.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel } from '../channel.port.ts';
import { CertifiedDispatchers } from '../shared/certified.ts';
import { createTokenSource } from '../shared/oauth-token.ts';
import type { ObjectStore } from '../shared/object-store.port.ts';
import { createObjectStoreChannel } from '../shared/object-store.ts';
import { poolKey } from '../shared/pool.ts';
import { createBucket } from './bucket.ts';
import { Refused, gcsError } from './failure.ts';
import { accountOf, gcsSettingsSchema, originOf } from './settings.ts';
import type { GcsSettings, ServiceAccount } from './settings.ts';

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';
/** Of the signed word that a token is asked for with; seconds. */
const LIFE = 3600;

/** Uploads to Google Cloud Storage. */
export function createGcsChannel({ egress, clock }: { egress: Egress; clock: Clock }): Channel {
	const certified = new CertifiedDispatchers(egress);
	const dispatcherFor = (ca: string | undefined): Dispatcher =>
		certified.of({ ca }) ?? egress.dispatcher;
	const tokens = createTokenSource(clock);
	const keyOf = ({ serviceAccountKey, ca }: GcsSettings): string =>
		poolKey([serviceAccountKey, ca]);

	const store: ObjectStore<GcsSettings> = {
		name: 'gcs',
		title: 'Google Cloud Storage',
		receipt: 'name, generation, ETag and CRC-32C of the object that the store answered',
		limits: { keyBytes: 1024 },
		settings: gcsSettingsSchema,
		secrets: ['serviceAccountKey'],
		async check(settings) {
			await egress.checkUrl(settings.endpoint, 'endpoint');
			await egress.checkUrl(accountOf(settings).token_uri, 'serviceAccountKey');
		},
		placeOf: ({ bucket }) => ({ bucket }),
		async addresses(settings) {
			const { hostname, port, protocol } = new URL(settings.endpoint);
			const plain = protocol === 'http:';
			const number = Number(port) || (plain ? 80 : 443);
			return (await egress.addressesOf(hostname, number, { path: 'endpoint', plain })).length;
		},
		conditional: () => true,
		async open(settings, deadline) {
			const account = accountOf(settings);
			const dispatcher = (): Dispatcher => dispatcherFor(settings.ca);
			const { token } = await tokens.get({
				key: keyOf(settings),
				url: account.token_uri,
				form: () => ({
					grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
					assertion: assertionOf(account, Math.floor(clock.now() / 1000)),
				}),
				dispatcher: dispatcher(),
				signal: deadline.signal,
				secrets: [],
			});
			return createBucket({ settings, dispatcher, deadline, token });
		},
		forTests: ({ storageClass: _, ...settings }) => settings,
		explain(error, settings) {
			if (error instanceof Refused && error.answer.status === 401) tokens.forget(keyOf(settings));
			return gcsError(error, { now: clock.now(), secrets: [settings.serviceAccountKey] });
		},
		locationOf: (settings, key) =>
			`${originOf(settings)}/${settings.bucket}/${key.split('/').map(encodeURIComponent).join('/')}`,
		close: async () => certified.close(),
	};
	return createObjectStoreChannel(store, clock);
}

/** RFC 7523: who the account is, signed by its key. */
function assertionOf(account: ServiceAccount, now: number): string {
	const { client_email: iss, private_key: key, private_key_id: kid, token_uri: aud } = account;
	const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
	const header = { alg: 'RS256', typ: 'JWT', ...(kid === undefined ? {} : { kid }) };
	const text = `${part(header)}.${part({ iss, scope: SCOPE, aud, iat: now, exp: now + LIFE })}`;
	return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}
