/* How a plug-in shows that it keeps the promises: `node --test` with capscheduler installed beside it. */
import { describe, it } from 'node:test';

import { exerciseFormat, FormatBench } from 'capscheduler/conformance';
import { z } from 'zod';
import * as formats from 'capscheduler/formats';

import fixedWidth from './index.js';

const { formats: own } = fixedWidth({ z, formats });

exerciseFormat(
	{ describe, it },
	new FormatBench(own[0], {
		base: { onLimit: 'truncate' },
		options: [{ width: 3 }],
		countRows: (text) => text.split('\n').length - 1,
	}),
);
