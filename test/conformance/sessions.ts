import { afterAll, describe, it } from '@jest/globals';

import { exerciseSession as exercise } from '../../engine/conformance/index.ts';
import type { SessionCases } from '../../engine/conformance/index.ts';

export type { SessionCases } from '../../engine/conformance/index.ts';

/** Every binding keeps these promises. */
export function exerciseSession(name: string, start: () => Promise<SessionCases>): void {
	exercise({ describe, it, afterAll }, name, start);
}
