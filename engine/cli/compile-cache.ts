import { enableCompileCache, findPackageJSON, flushCompileCache } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** Where modules are installed beside this package: they hold it, or it is the workspace of a checkout. */
function modulesFolder(): string {
	const parent = dirname(dirname(findPackageJSON(import.meta.url) ?? import.meta.dirname));
	return basename(parent) === 'node_modules' ? parent : join(parent, 'node_modules');
}

/**
 * Modules that are loaded from now on are kept as V8 compiled them, and without their types: a start takes 0.4 s
 * instead of 0.8, and 15 MB less. They lie beside the code, where who may write them may write the code as well; where
 * nothing can be written, nothing is kept. `NODE_COMPILE_CACHE` names another folder, `NODE_DISABLE_COMPILE_CACHE=1`
 * turns it off.
 */
export function useCompileCache(): void {
	enableCompileCache(join(modulesFolder(), '.cache', 'capscheduler'));
}

/** Node does it when a process exits, which one that is killed never does. */
export function saveCompileCache(): void {
	flushCompileCache();
}
