import { z } from 'zod';

import type { DeclaredColumn } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';

const columnSchema = z.union([
	z
		.string()
		.min(1)
		.max(500)
		.transform((name): DeclaredColumn => ({ name })),
	z
		.object({
			name: z.string().min(1).max(500),
			type: z.string().max(100).optional(),
			title: z.string().max(500).optional(),
		})
		.transform(({ name, type, title }): DeclaredColumn => ({
			name,
			...(type === undefined ? {} : { type }),
			...(title === undefined ? {} : { title }),
		})),
]);
const columnsSchema = z.array(columnSchema).max(20_000);

/**
 * Columns that a capability declared: names, or `{ name, type?, title? }`.
 * @throws CapError RESULT_INVALID
 */
export function readColumns(value: unknown): DeclaredColumn[] {
	const parsed = columnsSchema.safeParse(value);
	if (parsed.success) return parsed.data;
	throw new CapError(
		'RESULT_INVALID',
		'result.columns: expected names, or objects with name, type and title',
	);
}
