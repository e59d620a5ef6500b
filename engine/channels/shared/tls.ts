import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { z } from 'zod';

import { CapError } from '../../contract/errors.ts';

/** A private authority in PEM. Given, it alone is trusted for this destination. */
export const caSchema = z
	.string()
	.max(100_000)
	.refine((text) => text.includes('-----BEGIN CERTIFICATE-----'), {
		error: 'certificates in PEM, beginning with "-----BEGIN CERTIFICATE-----"',
	});

export interface VerifiedTls {
	host: string;
	/** The name in the certificate. Absent where the host is an address and no name was given. */
	servername?: string;
	ca?: string;
	/** Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot take it back. */
	rejectUnauthorized: true;
	minVersion: 'TLSv1.2';
}

/** Certificates are always verified, on whatever channel. */
export function tlsOptions({
	host,
	ca,
	serverName = isIP(host) === 0 ? host : undefined,
}: {
	host: string;
	ca?: string | undefined;
	serverName?: string | undefined;
}): VerifiedTls {
	return {
		host,
		...(serverName === undefined ? {} : { servername: serverName }),
		...(ca === undefined ? {} : { ca }),
		rejectUnauthorized: true,
		minVersion: 'TLSv1.2',
	};
}

/** TLS over a socket that the guard let through. @throws CapError; the handshake's error */
export function overTls(
	socket: Socket,
	{ signal, ...options }: ConnectionOptions & { signal: AbortSignal },
): Promise<TLSSocket> {
	return new Promise((resolve, reject) => {
		const secure = connect({ ...options, socket });
		const settle = (error: Error | null): void => {
			signal.removeEventListener('abort', onAbort);
			secure.off('secureConnect', onSecure).off('error', settle).off('close', onClose);
			socket.off('close', onClose);
			secure.on('error', () => undefined);
			if (error === null) resolve(secure);
			else {
				secure.destroy();
				reject(error);
			}
		};
		const onAbort = (): void => {
			settle(signal.reason as Error);
		};
		const onSecure = (): void => {
			settle(null);
		};
		const onClose = (): void => {
			// the reason comes after the fact
			setImmediate(() => {
				settle(
					new CapError('TARGET_UNREACHABLE', 'the connection was closed while TLS began', {
						retry: 'later',
					}),
				);
			});
		};
		secure.once('secureConnect', onSecure).once('error', settle).once('close', onClose);
		socket.once('close', onClose);
		signal.addEventListener('abort', onAbort, { once: true });
		if (signal.aborted) onAbort();
		else if (socket.destroyed) onClose();
	});
}
