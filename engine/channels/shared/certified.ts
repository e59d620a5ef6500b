import type { Dispatcher } from 'undici';

import type { Egress } from '../../security/security.port.ts';
import { poolKey } from './pool.ts';

/** An authority to trust in the place of the public ones, and what the engine shows of itself. PEM. */
interface Certificates {
	ca?: string | undefined;
	cert?: string | undefined;
	key?: string | undefined;
}

const MOST = 50;

/** Ways out for destinations with certificates of their own, kept from delivery to delivery. */
export class CertifiedDispatchers {
	readonly #egress: Pick<Egress, 'withCertificates'>;
	readonly #byKey = new Map<string, Dispatcher>();

	constructor(egress: Pick<Egress, 'withCertificates'>) {
		this.#egress = egress;
	}

	/** To be asked for each request: one that others pushed out takes no more. Undefined: the guard's own does. */
	of({ ca, cert, key }: Certificates): Dispatcher | undefined {
		if (ca === undefined && cert === undefined) return undefined;
		const name = poolKey([ca, cert, key]);
		const dispatcher = this.#byKey.get(name) ?? this.#egress.withCertificates({ ca, cert, key });
		// the last one asked for is the last to go
		this.#byKey.delete(name);
		this.#byKey.set(name, dispatcher);
		const [oldest] = this.#byKey.keys();
		if (this.#byKey.size > MOST && oldest !== undefined) this.#end(oldest);
		return dispatcher;
	}

	async close(): Promise<void> {
		await Promise.all([...this.#byKey.values()].map(async (one) => one.destroy()));
		this.#byKey.clear();
	}

	/** What is under way on it ends first. */
	#end(name: string): void {
		void this.#byKey.get(name)?.close();
		this.#byKey.delete(name);
	}
}
