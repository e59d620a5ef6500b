import { expect, it } from '@jest/globals';

import { createModuleSession } from '../../../engine/sessions/module/module-session.ts';
import { createSessionRegistry } from '../../../engine/sessions/registry.ts';

it('finds adapters by their type, and takes each type once', () => {
	const adapter = createModuleSession({ modules: {} });
	const registry = createSessionRegistry([adapter]);
	expect(registry.get('module')).toBe(adapter);
	expect(registry.get('constructor')).toBeUndefined();
	expect(registry.list()).toEqual([adapter]);
	expect(() => createSessionRegistry([adapter, adapter])).toThrow('same type');
});
