import { z } from 'zod';

import { isTemplate, templateExpectation } from '../shared/template.ts';

export const CHAT_SERVICES = ['slack', 'teams', 'discord', 'mattermost'] as const;
export type ChatService = (typeof CHAT_SERVICES)[number];

export const chatSettingsSchema = z.strictObject({
	service: z.enum(CHAT_SERVICES),
	url: z
		.url({ protocol: /^https?$/, error: 'an http or https URL' })
		.max(2048)
		.regex(/^[^\s\p{Cc}]+$/u, 'a URL without spaces and control characters')
		.describe('The URL of the incoming webhook. Whoever has it may post, so it is sealed.'),
	text: z
		.string()
		.max(1000)
		.refine((text) => isTemplate(text), { error: templateExpectation() })
		.default('')
		.describe('Stands below the title. A template.'),
	rows: z
		.number()
		.int()
		.min(0)
		.max(20)
		.default(5)
		.describe('How many rows of the result it shows.'),
	link: z.boolean().default(true).describe('Whether it brings a link that gives the file.'),
});

export type ChatSettings = z.output<typeof chatSettingsSchema>;
