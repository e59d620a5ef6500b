import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { run } from './process.ts';

export interface Certificate {
	/** Files, for servers. */
	keyFile: string;
	certFile: string;
	/** The certificate, which is its own authority. */
	pem: string;
}

/** A certificate for localhost and 127.0.0.1 that nobody vouches for, made in the folder. */
export async function makeCertificate(folder: string, name = 'server'): Promise<Certificate> {
	const [keyFile, certFile] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
	const subject = [
		'-subj',
		`/CN=${name}`,
		'-addext',
		'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2',
	];
	const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
	await run('openssl', ['req', ...kind, ...subject, '-keyout', keyFile, '-out', certFile]);
	return { keyFile, certFile, pem: await readFile(certFile, 'utf8') };
}
