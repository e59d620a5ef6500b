import { mkdir, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';

import { type CapError, inputError } from '../../contract/errors.ts';

/** A folder and the root that allows it, both as written, resolved. */
export interface Place {
	root: string;
	folder: string;
}

/**
 * Judges the folder by its text alone.
 * @throws CapError PATH_INVALID, FILE_ROOT_FORBIDDEN
 */
export function placeOf(folder: string, roots: readonly string[]): Place {
	if (/\p{Cc}|\\/u.test(folder) || folder.split('/').includes('..')) {
		throw inputError('PATH_INVALID', {
			path: 'folder',
			expected: 'a folder without "..", "\\" and control characters',
			received: JSON.stringify(folder.slice(0, 100)),
		});
	}
	const [first] = roots;
	if (first === undefined)
		throw forbidden('no folder: the operator set no CAPSCHEDULER_FILE_ROOTS');
	const wanted = resolve(first, folder);
	const root = roots.find((one) => contains(one, wanted));
	if (root === undefined) throw forbidden('a folder inside CAPSCHEDULER_FILE_ROOTS', folder);
	return { root, folder: wanted };
}

/**
 * The folder's true path, made where it is missing. Links may lead around inside the root, never out of it:
 * the part that exists is judged before anything is made in it, and the whole again afterwards.
 * @throws CapError FILE_ROOT_FORBIDDEN; the system's errors
 */
export async function enter({ root, folder }: Place, options: { mkdir: boolean }): Promise<string> {
	const trueRoot = await realpath(root);
	const existing = await trueAncestor(folder);
	if (!contains(trueRoot, existing)) throw forbidden('a folder that no link leads out of the root');
	if (options.mkdir) await mkdir(folder, { recursive: true });
	const truth = await realpath(folder);
	if (!contains(trueRoot, truth)) throw forbidden('a folder that no link leads out of the root');
	return truth;
}

/** The true path of the deepest part that exists. */
async function trueAncestor(path: string): Promise<string> {
	try {
		return await realpath(path);
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code !== 'ENOENT' || dirname(path) === path) throw error;
		return trueAncestor(dirname(path));
	}
}

function contains(root: string, path: string): boolean {
	const way = relative(root, path);
	return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

function forbidden(expected: string, received?: string): CapError {
	return inputError('FILE_ROOT_FORBIDDEN', {
		path: 'folder',
		expected,
		received: received === undefined ? undefined : JSON.stringify(received.slice(0, 100)),
	});
}
