import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Client } from 'undici';
import type { Dispatcher } from 'undici';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { OpenContext } from '../shared/file-server.port.ts';
import { exchange } from '../shared/http-exchange.ts';
import type { Answer } from '../shared/http-exchange.ts';
import { overTls, tlsOptions } from '../shared/tls.ts';
import { refused, webdavError } from './failure.ts';
import { createLogin } from './login.ts';
import { endpointOf, hrefOf } from './settings.ts';
import type { WebdavSettings } from './settings.ts';

/** WebDAV over one connection at a time, which is made anew when the server ends it. */
export interface WebdavClient {
	/** @throws CapError what the answer means, unless its status is a 2xx or one of `fine` */
	ask(
		method: string,
		path: string,
		request: {
			/** For people. */
			doing: string;
			fine?: readonly number[];
			headers?: Record<string, string>;
			body?: string;
		},
	): Promise<Answer>;
	/** PUT of what can be read once. @throws CapError */
	put(
		path: string,
		source: AsyncIterable<Uint8Array>,
		headers: Record<string, string>,
	): Promise<Answer>;
	get(path: string): AsyncIterable<Uint8Array>;
	/** Of the connection; null without TLS. */
	readonly tls: string | null;
	alive(): boolean;
	close(): void;
}

/** For words on why something was refused, and for the properties of one file. */
const KEEP = 16_384;

export async function connectWebdav(
	settings: WebdavSettings,
	{ egress, clock, open }: { egress: Egress; clock: Clock; open: OpenContext },
): Promise<WebdavClient> {
	const ending = new AbortController();
	const login = createLogin(settings);
	const secrets = [settings.password, settings.token];
	let ready: Socket | null = await connect(egress, settings, open);
	const tls = ready instanceof TLSSocket ? ready.getProtocol() : null;
	const connectAgain = async (): Promise<Socket> => {
		const first = ready;
		ready = null;
		if (first !== null && !first.destroyed) return first;
		const { signal } = ending;
		const plainly: OpenContext['step'] = async (_name, act) => act();
		return connect(egress, settings, { signal, onProgress: () => undefined, step: plainly });
	};
	const client = new Client(new URL(settings.url).origin, {
		pipelining: 1,
		connect: (_options, callback) => {
			connectAgain().then(
				(socket) => {
					callback(null, socket);
				},
				(error: unknown) => {
					callback(error as Error, null);
				},
			);
		},
	});

	function requestOf(
		method: string,
		path: string,
		headers: Record<string, string>,
	): Dispatcher.RequestOptions {
		const url = new URL(hrefOf(settings, path));
		const authorization = login.headerFor({ method, uri: url.pathname });
		return {
			path: url.pathname,
			method,
			headers: {
				'user-agent': 'CapScheduler',
				...headers,
				...(authorization === undefined ? {} : { authorization }),
			},
		};
	}

	async function tried<T>(doing: string, act: () => Promise<T>): Promise<T> {
		try {
			return await act();
		} catch (error) {
			throw webdavError(ending.signal.aborted ? ending.signal.reason : error, doing);
		}
	}

	const failed = (answer: Answer, doing: string): CapError =>
		refused(answer, doing, { now: clock.now(), secrets });
	const isFine = ({ status }: Answer, fine: readonly number[] = []): boolean =>
		(status >= 200 && status < 300) || fine.includes(status);
	const way = { dispatcher: client, signal: ending.signal, keep: KEEP };

	const ask: WebdavClient['ask'] = async (
		method,
		path,
		{ doing, fine, headers = {}, body = '' },
	) => {
		const once = async (): Promise<Answer> =>
			tried(doing, async () =>
				exchange({ ...requestOf(method, path, headers), body: body === '' ? null : body }, way),
			);
		let answer = await once();
		if (answer.status === 401 && login.challenged(answer.headers['www-authenticate'])) {
			answer = await once();
		}
		if (answer.status !== 401) login.accepted();
		if (isFine(answer, fine)) return answer;
		throw failed(answer, doing);
	};

	return {
		tls,
		ask,
		async put(path, source, headers) {
			// nothing that has to be there is asked for: what a 401 could come to is over before the bytes begin
			if (login.unsure) await ask('DELETE', path, { doing: 'login', fine: [404, 409] });
			const body = Readable.from(source, { objectMode: false });
			const answer = await tried('upload', async () =>
				exchange({ ...requestOf('PUT', path, headers), body }, way),
			);
			if (isFine(answer)) return answer;
			throw failed(answer, 'upload');
		},
		async *get(path) {
			// the login was tried by what came before
			const answer = await tried('download', async () =>
				client.request({
					...requestOf('GET', path, { 'accept-encoding': 'identity' }),
					signal: ending.signal,
					headersTimeout: 0,
					bodyTimeout: 0,
				}),
			);
			if (answer.statusCode !== 200) {
				const text = await answer.body.text().catch(() => '');
				throw failed({ status: answer.statusCode, headers: answer.headers, text }, 'download');
			}
			try {
				yield* answer.body as AsyncIterable<Uint8Array>;
			} catch (error) {
				throw webdavError(error, 'download');
			}
		},
		alive: () => !client.destroyed,
		close() {
			if (client.destroyed) return;
			ending.abort(new CapError('CANCELLED', 'the connection was closed', { retry: 'later' }));
			ready?.destroy();
			client.destroy().catch(() => undefined);
		},
	};
}

async function connect(
	egress: Egress,
	settings: WebdavSettings,
	{ signal, step, onProgress }: OpenContext,
): Promise<Socket> {
	const { host, port, plain } = endpointOf(settings);
	const { ca, stall } = settings;
	const socket = await step('connect', async () =>
		egress.connect(host, port, { signal, timeout: stall, plain }),
	);
	onProgress();
	if (plain) return socket;
	const options = { ...tlsOptions({ host, ca }), ALPNProtocols: ['http/1.1'], signal };
	const secure = await step('tls', async () => overTls(socket, options));
	onProgress();
	return secure;
}
