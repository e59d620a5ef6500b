import { z } from 'zod';

import { deliveryInputSchema } from './delivery.ts';
import { idSchema } from './ids.ts';
import { titleSchema } from './names.ts';
import { scheduleInputSchema } from './schedule.ts';

/*
 * One-off work: what is handed in with a request, to be formatted or delivered. What it says about itself stands
 * beside the body, since the body is a stream: in the query, or, where there may be secrets in it, in a header.
 */

/** What runs and file names call it; no capability may take the name. */
export const UPLOAD = 'upload';
export const UPLOAD_ACTIONS = { format: 'format', deliver: 'deliver' } as const;

/** JSON in a header: in ASCII (`\u00e4`) or UTF-8. */
export const OPTIONS_HEADER = 'capscheduler-options';

const { format, options } = deliveryInputSchema.shape;
const { callback, notify } = scheduleInputSchema.shape;

const filename = z
	.string()
	.min(1)
	.max(255)
	.describe(
		'A template for the name of the file: `{{name}}-{{nominalAt:yyyy-MM-dd}}.{{ext}}`. Default `{{name}}.{{ext}}` where a name is given.',
	);
const name = titleSchema.describe(
	'What it is called: the title of a report, and without its extension `{{name}}` in file names.',
);
const timeZone = z
	.string()
	.min(1)
	.max(64)
	.default('UTC')
	.describe('IANA; that of times in reports and file names.');

/** The query of `POST /v1/format`. */
export const formatQuerySchema = z.strictObject({
	format: format.describe(
		'Of those in `GET /v1/formats`. Not given: rows and values become JSON, bytes pass through as they are.',
	),
	options: z
		.string()
		.max(12_000)
		.optional()
		.meta({ description: 'Options of the format, as JSON.', examples: ['{"delimiter":";"}'] }),
	schema: z
		.string()
		.max(12_000)
		.optional()
		.meta({
			description:
				'JSON Schema of the rows, of one row, or of `{ rows }`, as JSON: which columns there are, in what order, and of which types. ' +
				'A stored result has that of its action unless one is given.',
			examples: ['{"properties":{"id":{"type":"string","format":"int64"}}}'],
		}),
	filename: filename.optional(),
	name: name.optional(),
	timeZone,
	runId: idSchema('run')
		.optional()
		.meta({ description: 'Instead of a body: the result of this run.' }),
	result: idSchema('result').optional().meta({ description: 'Instead of a body: this result.' }),
});

/** `POST /v1/format/preview`. */
export const formatPreviewSchema = z
	.strictObject({
		format,
		options,
		filename: filename.optional(),
		name: name.optional(),
		timeZone,
		contentType: z
			.string()
			.max(200)
			.optional()
			.describe('Of what is to be formatted; JSON unless given.'),
	})
	.meta({ id: 'FormatPreviewInput' });

/** What `POST /v1/deliver` does with its body. */
export const deliverInputSchema = z
	.strictObject({
		delivery: deliveryInputSchema
			.prefault({})
			.describe(
				'Where it goes, and as what. `mode` is `push` unless given, without targets `pull`: the answer brings a result link. `both` does both.',
			),
		name: name.optional(),
		timeZone,
		callback,
		notify,
	})
	.meta({ id: 'DeliverInput' });

export type FormatQuery = z.output<typeof formatQuerySchema>;
export type FormatPreview = z.output<typeof formatPreviewSchema>;
export type DeliverInput = z.output<typeof deliverInputSchema>;
