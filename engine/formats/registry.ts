import { CapError } from '../contract/errors.ts';
import { createArrowFormat } from './arrow/index.ts';
import { createCsvFormat, createTsvFormat } from './csv/index.ts';
import type { Format, FormatRegistry } from './format.port.ts';
import { createHtmlFormat } from './html/index.ts';
import { createJsonFormat } from './json/index.ts';
import { createMarkdownFormat } from './markdown/index.ts';
import { createNdjsonFormat } from './ndjson/index.ts';
import { createPdfFormat } from './pdf/index.ts';
import { createOdsFormat } from './ods/index.ts';
import { createParquetFormat } from './parquet/index.ts';
import { createRawFormat } from './raw/index.ts';
import { createTemplateFormat } from './template/index.ts';
import { createTextFormat } from './text/index.ts';
import { createXmlFormat } from './xml/index.ts';
import { createYamlFormat } from './yaml/index.ts';
import { createXlsxFormat } from './xlsx/index.ts';

/**
 * Every format that the engine has, in the order in which it is shown, and `more` behind them.
 * @throws CapError MODULE_UNKNOWN when one has a name that is taken
 */
export function createFormatRegistry(more: readonly Format[] = []): FormatRegistry {
	const formats = new Map<string, Format>();
	const own = [
		createJsonFormat(),
		createNdjsonFormat(),
		createCsvFormat(),
		createTsvFormat(),
		createXmlFormat(),
		createYamlFormat(),
		createMarkdownFormat(),
		createTextFormat(),
		createHtmlFormat(),
		createPdfFormat(),
		createTemplateFormat(),
		createXlsxFormat(),
		createOdsFormat(),
		createParquetFormat(),
		createArrowFormat(),
		createRawFormat(),
	];
	for (const format of [...own, ...more]) {
		if (formats.has(format.name)) {
			throw new CapError('MODULE_UNKNOWN', `there is a format "${format.name}" already`);
		}
		formats.set(format.name, format);
	}
	const list = [...formats.values()];
	return { get: (name) => formats.get(name), list: () => list };
}
