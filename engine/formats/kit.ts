/** What formats are made with, for those of plug-ins: see README.md beside this file. */
export { encodeText } from './shared/encode-text.ts';
export { cutText, firstRows, refuseBeyond } from './shared/limits.ts';
export { openTables } from './shared/table.ts';
export { isArchive, tableFiles, ZIP } from './shared/table-files.ts';
export { columnOptions, limitOption, textOptions } from './shared/table-options.ts';
export { needForText, textWriter } from './shared/text-writer.ts';
export { valueReader } from './shared/values.ts';
