import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect as startTls } from 'node:tls';

import type { Dispatcher } from 'undici';

import { CapError } from '../../contract/errors.ts';
import type { ProbeContext } from '../channel.port.ts';
import { createDeadline } from '../shared/deadline.ts';
import { probeFile, runProbe } from '../shared/probe.ts';
import type { Found } from '../shared/probe.ts';
import type { WebhookTools } from './post-signed.ts';
import { sendHttp } from '../shared/http-send.ts';
import { secondsOf } from './post-signed.ts';
import type { WebhookSettings } from './settings.ts';
import { failedWith } from '../shared/failed.ts';
import { tlsOptions } from '../shared/tls.ts';

const TIME = 20_000;

interface ProbeTools extends WebhookTools {
	context: ProbeContext;
	/** The header that is kept sealed. */
	credential(this: void, line: string | undefined): Record<string, string>;
	/** With certificates of its own; undefined: the guard's. */
	dispatcher: Dispatcher | undefined;
}

/**
 * Looks the name up, connects, shakes hands, and sends a signed message that `x-capscheduler-test` marks. What an
 * endpoint does with a message cannot be read back nor undone.
 */
export async function probeEndpoint(settings: WebhookSettings, tools: ProbeTools): Promise<void> {
	const { egress, clock, context } = tools;
	const url = new URL(settings.url);
	const secure = url.protocol === 'https:';
	const host = url.hostname.replace(/^\[|\]$/g, '');
	const port = Number(url.port) || (secure ? 443 : 80);
	await runProbe(
		async ({ step }) => {
			await step('dns', async () => {
				const path = 'settings.url';
				const { length } = await egress.addressesOf(host, port, { path, plain: !secure });
				// not which: a host that the operator vouches for may be an inner one
				return { value: undefined, detail: length === 1 ? '1 address' : `${length} addresses` };
			});
			const socket = await step('connect', async () => {
				const { signal } = context;
				return { value: await egress.connect(host, port, { signal, timeout: TIME }) };
			});
			try {
				if (secure) await step('tls', () => shakeHands(socket, host, settings));
			} finally {
				socket.destroy();
			}
			await step('write', () => write(settings, tools));
		},
		{ clock, context, explain: failedWith },
	);
}

/** As every delivery does: certificates are always verified. */
function shakeHands(
	socket: Socket,
	host: string,
	{ ca, clientCert: cert, clientKey: key }: WebhookSettings,
): Promise<Found<undefined>> {
	return new Promise((resolve, reject) => {
		const tls = startTls({
			socket,
			...tlsOptions({ host, ca }),
			...(cert === undefined ? {} : { cert }),
			...(key === undefined ? {} : { key }),
			ALPNProtocols: ['http/1.1'],
		});
		tls.once('error', reject);
		// one that says something else and hangs up may have ended before anybody listened for an error
		const ended = (): void => {
			reject(Object.assign(new Error('hung up'), { code: 'ERR_TLS_HANDSHAKE_ENDED' }));
		};
		for (const one of [tls, socket]) one.once('end', ended).once('close', ended);
		if (socket.readableEnded || socket.destroyed) ended();
		tls.once('secureConnect', () => {
			const { valid_to: until } = tls.getPeerCertificate();
			const detail = `${tls.getProtocol() ?? 'TLS'}, certificate valid until ${until}`;
			tls.destroy();
			resolve({ value: undefined, detail });
		});
	});
}

async function write(
	{ url, method, headers, secret, previousSecret, secretHeader, signed }: WebhookSettings,
	{ egress, signer, clock, context, credential, dispatcher }: ProbeTools,
): Promise<Found<undefined>> {
	const id = `test_${randomBytes(8).toString('hex')}`;
	const { bytes: body, contentType } = probeFile(id);
	const secrets = [secret, previousSecret].filter((one) => one !== undefined).join(' ');
	const deadline = createDeadline(clock, { signal: context.signal, timeout: TIME, silence: TIME });
	try {
		const message = { id, timestamp: secondsOf(clock), body };
		const sent = await sendHttp(
			{
				url,
				method,
				headers: {
					...headers,
					...credential(secretHeader),
					'content-type': contentType,
					'x-capscheduler-test': 'true',
					'idempotency-key': id,
					...((signed as boolean | undefined) === false ? {} : signer.sign(secrets, message)),
				},
				body,
			},
			{ egress, clock, deadline, ...(dispatcher === undefined ? {} : { dispatcher }) },
		);
		if ('kind' in sent) throw new CapError(sent.code, sent.message);
		return { value: undefined, detail: `answered ${sent.status}` };
	} finally {
		deadline.end();
	}
}
