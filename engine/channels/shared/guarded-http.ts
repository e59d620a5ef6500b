import { Agent } from 'undici';
import type { Dispatcher } from 'undici';

import type { Egress } from '../../security/security.port.ts';
import { overTls, tlsOptions } from './tls.ts';

/** Dispatchers for destinations: the engine's own, or, for a private authority, one that trusts it alone. */
export interface GuardedHttp {
	dispatcherFor(ca: string | undefined): Dispatcher;
	close(): Promise<void>;
}

const CONNECT_TIMEOUT = 10_000;
const CONNECTIONS = 64;

export function createGuardedHttp(egress: Egress): GuardedHttp {
	const agents = new Map<string, Agent>();

	function agentFor(ca: string): Agent {
		return new Agent({
			connections: CONNECTIONS,
			pipelining: 1,
			connect: ({ hostname, port, protocol }, callback) => {
				const plain = protocol === 'http:';
				const host = hostname.replace(/^\[|\]$/g, '');
				const signal = AbortSignal.timeout(CONNECT_TIMEOUT);
				egress
					.connect(host, Number(port) || (plain ? 80 : 443), {
						signal,
						timeout: CONNECT_TIMEOUT,
						plain,
					})
					.then(async (socket) =>
						plain
							? socket
							: overTls(socket, {
									...tlsOptions({ host, ca }),
									ALPNProtocols: ['http/1.1'],
									signal,
								}),
					)
					.then(
						(socket) => {
							callback(null, socket);
						},
						(error: unknown) => {
							callback(error as Error, null);
						},
					);
			},
		});
	}

	return {
		dispatcherFor(ca) {
			if (ca === undefined) return egress.dispatcher;
			let agent = agents.get(ca);
			if (!agent) agents.set(ca, (agent = agentFor(ca)));
			return agent;
		},
		async close() {
			await Promise.all([...agents.values()].map(async (agent) => agent.destroy()));
		},
	};
}
