import { z } from 'zod';

import { columnOptions, textOptions } from '../shared/table-options.ts';
import { compileTemplate, MAX_TEMPLATE, TemplateError } from './compile.ts';
import { ESCAPE_NAMES } from './escapes.ts';

export const templateOptionsSchema = z.strictObject({
	template: z
		.string()
		.max(MAX_TEMPLATE)
		.superRefine((text, context) => {
			try {
				compileTemplate(text);
			} catch (error) {
				if (!(error instanceof TemplateError)) throw error;
				const message = `a mustache template: ${error.message}`;
				context.addIssue({ code: 'custom', message, params: { errorCode: 'TEMPLATE_INVALID' } });
			}
		})
		.describe(
			'Mustache: `{{#rows}}{{name}};{{amount}}\\n{{/rows}}`. Values, sections and inverted sections; no partials, no code',
		),
	escape: z
		.enum(ESCAPE_NAMES)
		.describe('How `{{value}}` is escaped, by what the file is; `{{{value}}}` never is'),
	contentType: z
		.string()
		.max(120)
		.regex(/^[a-z]+\/[a-z0-9.+-]+(?:; ?charset=utf-8)?$/, { error: 'a media type' })
		.default('text/plain; charset=utf-8')
		.describe('The media type of the file'),
	extension: z
		.string()
		.regex(/^[a-z0-9]{1,10}$/, { error: 'letters and digits' })
		.default('txt')
		.describe('What its name ends with'),
	...columnOptions,
	...textOptions,
});

export type TemplateOptions = z.output<typeof templateOptionsSchema>;
