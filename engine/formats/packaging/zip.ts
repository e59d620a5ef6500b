import type { Packaging } from '../packaging.port.ts';
import { zip } from '../shared/zip.ts';

/** An archive that holds the files under their names: `report.csv` becomes `report.zip`. */
export const archive: Packaging = {
	name: 'zip',
	contentType: () => 'application/zip',
	rename: (filename, extension) =>
		`${filename.endsWith(`.${extension}`) ? filename.slice(0, -extension.length - 1) : filename}.zip`,
	extension: () => 'zip',
	pack(files, { options, modifiedAt }) {
		const { password } = options;
		return zip(
			files.map(({ name, bytes }) => ({ name, content: bytes })),
			{ modifiedAt, ...(typeof password === 'string' ? { password } : {}) },
		);
	},
};
