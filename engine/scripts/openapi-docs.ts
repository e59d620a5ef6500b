import { openApiDocument } from '../http/openapi.ts';
import { ROUTES } from '../http/routes/index.ts';
import { VERSION } from '../version.ts';
import type { GeneratedFile } from './generated-file.ts';

/** The API as an OpenAPI document, the same that the engine answers but for its own address. */
export async function openapiDocs(): Promise<GeneratedFile[]> {
	const document = openApiDocument(ROUTES, { version: VERSION, server: 'http://127.0.0.1:7070' });
	return [{ path: 'docs/openapi.json', text: `${JSON.stringify(document, null, '\t')}\n` }];
}
