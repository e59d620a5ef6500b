import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from './certificate.ts';
import { ensureInstalled, freePort, killTree, startServer, userIds } from './process.ts';
import type { WebdavServer } from './wsgidav.ts';
import { WEBDAV_PASSWORD, WEBDAV_USER } from './wsgidav.ts';

const SERVER = '/usr/sbin/apache2';
const OWNER = 'www-data';
const REALM = 'files';
const MODULES = ['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user'];
MODULES.push('auth_basic', 'auth_digest', 'dav', 'dav_fs', 'ssl', 'alias');

/**
 * Apache with mod_dav over TLS at `/files`. Whoever comes may read; to write, the user has to log in, and nobody may
 * write into `locked`.
 */
export async function startApache({ auth }: { auth: 'basic' | 'digest' }): Promise<WebdavServer> {
	await ensureInstalled(SERVER, 'apache2-bin');
	const ids = await userIds(OWNER);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-apache-'));
	await chmod(folder, 0o755);
	const root = join(folder, 'root');
	const state = join(folder, 'state');
	for (const one of [root, state]) {
		await mkdir(one);
		await chown(one, ids.uid, ids.gid);
	}
	const { key, cert } = await makeCertificate(folder);
	const hash = (name: string, text: string, encoding: 'hex' | 'base64'): string =>
		createHash(name).update(text).digest(encoding);
	const who = `${WEBDAV_USER}:${REALM}`;
	const users = {
		basic: `${WEBDAV_USER}:{SHA}${hash('sha1', WEBDAV_PASSWORD, 'base64')}\n`,
		digest: `${who}:${hash('md5', `${who}:${WEBDAV_PASSWORD}`, 'hex')}\n`,
	}[auth];
	await writeFile(join(folder, 'users'), users);
	const port = await freePort();
	const config = join(folder, 'httpd.conf');
	const lines = [
		...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
		'ServerName localhost',
		`Listen 127.0.0.1:${port} https`,
		`User ${OWNER}`,
		`Group ${OWNER}`,
		`PidFile ${join(folder, 'pid')}`,
		`DefaultRuntimeDir ${folder}`,
		`ErrorLog ${join(folder, 'error.log')}`,
		`Mutex file:${state}`,
		'StartServers 1',
		'ThreadsPerChild 25',
		'MaxRequestWorkers 25',
		'SSLEngine on',
		`SSLCertificateFile ${cert}`,
		`SSLCertificateKeyFile ${key}`,
		`DavLockDB ${join(state, 'locks')}`,
		`Alias /files ${root}`,
		`DocumentRoot ${root}`,
		`<Directory ${root}>`,
		'Dav On',
		`AuthType ${auth}`,
		`AuthName ${REALM}`,
		`AuthUserFile ${join(folder, 'users')}`,
		...(auth === 'digest' ? ['AuthDigestProvider file'] : []),
		'<LimitExcept GET HEAD OPTIONS PROPFIND>',
		'Require valid-user',
		'</LimitExcept>',
		'<Limit GET HEAD OPTIONS PROPFIND>',
		'Require all granted',
		'</Limit>',
		'</Directory>',
		`<Directory ${join(root, 'locked')}>`,
		'<LimitExcept GET HEAD OPTIONS PROPFIND>',
		'Require all denied',
		'</LimitExcept>',
		'</Directory>',
	];

	await writeFile(config, `${lines.join('\n')}\n`);
	let child: ChildProcess | undefined;
	const server: WebdavServer = {
		port,
		root,
		ca: await readFile(cert, 'utf8'),
		async start() {
			if (child?.exitCode === null && child.signalCode === null) return;
			child = await startServer(SERVER, ['-f', config, '-DFOREGROUND'], { port });
		},
		async kill() {
			if (child) await killTree(child);
		},
		async stop() {
			await server.kill();
			await rm(folder, { recursive: true, force: true });
		},
	};
	await server.start();
	return server;
}
