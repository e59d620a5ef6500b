import { z } from 'zod';

/**
 * Fields that the API will have and this version has not built: refused as that, never ignored. Register
 * the schema last, after refinements and metadata: those make new schemas. By name, what to send instead.
 */
export const plannedFields = z.registry<{ planned: Readonly<Record<string, string>> }>();
