import { createGzip } from 'node:zlib';

import type { Packaging, PackagingRegistry } from '../packaging.port.ts';
import { through } from '../shared/zip.ts';
import { pgp } from './pgp.ts';
import { archive } from './zip.ts';

/** RFC 1952 without a name and a time: `report.csv` becomes `report.csv.gz`. */
const gzip: Packaging = {
	name: 'gzip',
	contentType: () => 'application/gzip',
	rename: (filename) => `${filename}.gz`,
	extension: (extension) => `${extension}.gz`,
	async *pack([file]) {
		if (file !== undefined) yield* through(file.bytes(), createGzip({ chunkSize: 65_536 }));
	},
};

/** What deliveries can be packed with. */
export function createPackagingRegistry(): PackagingRegistry {
	const packagings = new Map<string, Packaging>(
		[gzip, archive, pgp].map((packaging) => [packaging.name, packaging]),
	);
	return { get: (name) => packagings.get(name) };
}
