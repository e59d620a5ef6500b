import dns from 'node:dns';
import { isIP, Socket } from 'node:net';

/*
 * Keeps a process on this machine, below everything that it may do: for tests that give an engine made-up
 * targets.
 */

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/i;

const refusal = (code: string, host: string): NodeJS.ErrnoException =>
	Object.assign(new Error(`${code}: tests stay on this machine, not ${host}`), { code });

/**
 * From now on names other than localhost do not resolve, and sockets to other addresses are refused.
 * @returns a function that ends this
 */
export function stayOnLoopback(): () => void {
	const { lookup } = dns.promises;

	const { connect } = Socket.prototype;
	dns.promises.lookup = ((host: string, options: dns.LookupOptions) =>
		LOOPBACK.test(host) || isIP(host) > 0
			? lookup(host, options)
			: Promise.reject(refusal('ENOTFOUND', host))) as typeof lookup;
	Socket.prototype.connect = function (this: Socket, ...given: unknown[]) {
		// `net.connect` hands over its arguments as a list of their own
		const [target] = (Array.isArray(given[0]) ? given[0] : given) as unknown[];
		const { host = 'localhost' } = (typeof target === 'object' ? target : {}) as { host?: string };
		if (isIP(host) === 0 || LOOPBACK.test(host)) {
			return Reflect.apply(connect, this, given) as Socket;
		}
		queueMicrotask(() => this.destroy(refusal('ENETUNREACH', host)));
		return this;
	};
	return () => {
		dns.promises.lookup = lookup;
		Socket.prototype.connect = connect;
	};
}
