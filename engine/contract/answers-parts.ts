import { z } from 'zod';

/* What several answers are made of. */

export const instant = z
	.string()
	.meta({ format: 'date-time', examples: ['2027-01-31T08:00:00.000Z'] });

export const id = (prefix: string) =>
	z.string().meta({ examples: [`${prefix}_01kbrj7v2x9m4c8d1e5f6g7h8j`] });

export const count = z.number().int().nonnegative();

export const text = z.string();

export const failureSchema = z
	.looseObject({ code: text, message: text, detail: text.optional() })
	.meta({ id: 'Failure' });

export const secretsSchema = z
	.record(z.string(), z.string())
	.meta({ description: 'Secrets that the engine made, by the field they are for. Shown once.' });

/** A page of a list. */
export const pageOf = <T extends z.ZodType>(items: T) =>
	z.looseObject({
		items: z.array(items),
		nextCursor: z.string().nullable().meta({ description: 'For `?cursor=`; null at the end.' }),
	});
