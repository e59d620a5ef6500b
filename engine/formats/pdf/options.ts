import { z } from 'zod';

import { paperOptions, reportOptions } from '../shared/report/options.ts';

export const pdfOptionsSchema = z.strictObject({ ...reportOptions, ...paperOptions });
export type PdfOptions = z.output<typeof pdfOptionsSchema>;
