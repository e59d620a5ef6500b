import { createGzip } from 'node:zlib';

import type { Packaging, PackagingRegistry } from '../packaging.port.ts';
import { through, zip } from '../shared/zip.ts';

/** RFC 1952 without a name and a time: `report.csv` becomes `report.csv.gz`. */
const gzip: Packaging = {
	name: 'gzip',
	contentType: 'application/gzip',
	rename: (filename) => `${filename}.gz`,
	extension: (extension) => `${extension}.gz`,
	pack: ({ bytes }) => through(bytes(), createGzip({ chunkSize: 65_536 })),
};

/** An archive that holds the file under its name: `report.csv` becomes `report.zip`. */
const archive: Packaging = {
	name: 'zip',
	contentType: 'application/zip',
	rename: (filename, extension) =>
		`${filename.endsWith(`.${extension}`) ? filename.slice(0, -extension.length - 1) : filename}.zip`,
	extension: () => 'zip',
	pack: ({ name, modifiedAt, bytes }) => zip([{ name, content: bytes }], { modifiedAt }),
};

/** What deliveries can be packed with. */
export function createPackagingRegistry(): PackagingRegistry {
	const packagings = new Map([gzip, archive].map((packaging) => [packaging.name, packaging]));
	return { get: (name) => packagings.get(name) };
}
