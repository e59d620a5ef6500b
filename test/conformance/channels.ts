import { describe, it } from '@jest/globals';

import { exerciseChannel as exercise } from '../../engine/conformance/index.ts';
import type { ChannelUnderTest } from '../../engine/conformance/index.ts';

export type { ChannelUnderTest } from '../../engine/conformance/index.ts';

/** Milliseconds: 50 MB through a real server of a busy machine. */
const PATIENCE = 120_000;

/** What every channel promises; run on each with a real other side. */
export function exerciseChannel(name: string, make: () => Promise<ChannelUnderTest>): void {
	const patient = (title: string, body: () => Promise<void>): void => {
		it(title, body, PATIENCE);
	};
	exercise({ describe, it: patient }, name, make);
}
