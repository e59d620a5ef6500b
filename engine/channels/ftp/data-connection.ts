import type { FTPContext, FTPResponse } from 'basic-ftp';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';

/** Asks for a data connection and makes it. With TLS, it may still be shaking hands. */
export type OpenData = (ftp: FTPContext) => Promise<{ answer: FTPResponse; socket: Socket }>;

/**
 * Makes data connections through the guard. Only the port is taken from the server's answer: they go to the
 * address of the control connection, whatever host PASV names. EPSV first (RFC 2428), which works behind NAT.
 */
export function createDataConnections(
	egress: Egress,
	{ host, signal, timeout }: { host: string; signal: AbortSignal; timeout: number },
): OpenData {
	let extended = true;

	async function passive(ftp: FTPContext): Promise<{ answer: FTPResponse; port: number }> {
		if (extended) {
			try {
				const answer = await ftp.request('EPSV');
				return { answer, port: portIn(answer, /[|!]{3}(\d{1,5})[|!]/) };
			} catch (error) {
				if (!isRefusal(error)) throw error;
				extended = false;
			}
		}
		const answer = await ftp.request('PASV');
		return { answer, port: portIn(answer, /\d{1,3},\d{1,3},\d{1,3},\d{1,3},(\d{1,3}),(\d{1,3})/) };
	}

	return async (ftp) => {
		const { answer, port } = await passive(ftp);
		const address = ftp.socket.remoteAddress;
		if (address === undefined) {
			throw new CapError('TARGET_UNREACHABLE', 'the connection was closed', { retry: 'later' });
		}
		const socket = await egress.connect(host, port, { address, signal, timeout });
		if (!ftp.hasTLS) return { answer, socket };
		// The session of the control connection: many servers refuse data connections without it, and rightly so.
		const session = ftp.tlsSessionStore;
		const secure = connectTls({ ...ftp.tlsOptions, socket, ...(session ? { session } : {}) });
		secure.on('session', (fresh) => {
			ftp.tlsSessionStore = fresh;
		});
		secure.on('error', () => undefined);
		return { answer, socket: secure };
	};
}

function portIn({ message }: FTPResponse, pattern: RegExp): number {
	const [, first, second] = pattern.exec(message) ?? [];
	const port = second === undefined ? Number(first) : (Number(first) << 8) + Number(second);
	if (port > 0 && port < 65_536) return port;
	throw new CapError('TARGET_PROTOCOL', 'the server named no port for the data', {
		retry: 'later',
	});
}

/** By shape: `basic-ftp` is loaded late. */
function isRefusal(error: unknown): boolean {
	return (error as { name?: unknown }).name === 'FTPError';
}
