import { join } from 'node:path';

import { run } from './process.ts';

/** Files of a certificate for `localhost`, 127.0.0.1 and 127.0.0.2 that signs itself, so that it is its own authority. */
export async function makeCertificate(
	folder: string,
	name = 'server',
): Promise<{ key: string; cert: string }> {
	const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
	const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
	const subject = [
		'-subj',
		'/CN=localhost',
		'-addext',
		'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2',
	];
	await run('openssl', ['req', ...kind, ...subject, '-days', '30', '-keyout', key, '-out', cert]);
	return { key, cert };
}
