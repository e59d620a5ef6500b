import type { Operation, Parameter } from '../openapi-operation.ts';
import type { OpenApiDocument } from '../openapi.ts';
import type { Json } from '../openapi-schemas.ts';
import type { Route } from '../route.ts';
import { curlExample } from './curl.ts';
import type { Html } from './html.ts';
import { html, prose } from './html.ts';
import { schemaTable, separated, typeWords } from './schema.ts';

const CREDENTIALS: Record<Route['auth'], string> = {
	key: 'API key',
	session: "attempt's token",
	link: 'link',
	public: 'open to all',
};

/** One route: what it does, what it takes, how to call it, what it answers. */
export function operationSection(route: Route, document: OpenApiDocument, server: string): Html {
	const operation = document.paths[route.path]?.[route.method];
	if (operation === undefined) return html``;
	return html`<article class="operation" id="${route.id}">
		<h3><a href="#${route.id}">${route.summary}</a></h3>
		<p class="line">
			<span class="method ${route.method}">${route.method}</span>
			<code class="path">${route.path}</code> <span class="auth">${CREDENTIALS[route.auth]}</span>
		</p>
		${operation.description === undefined ? '' : html`<p>${prose(operation.description)}</p>`}
		<pre><code>${curlExample(route, server)}</code></pre>
		${parameters(operation.parameters ?? [])} ${body(operation)}
		<h4>Answers</h4>
		<table class="answers">
			<tbody>
				${Object.entries(operation.responses).map(answer)}
			</tbody>
		</table>
	</article>`;
}

function parameters(all: readonly Parameter[]): Html {
	if (all.length === 0) return html``;
	return html`<h4>Parameters</h4>
		<table class="fields">
			<tbody>
				${all.map(
					(each) =>
						html`<tr>
							<th scope="row"><code>${each.name}</code> <span class="place">${each.in}</span></th>
							<td>
								${typeWords(each.schema)}${each.description === undefined ? '' : html`<span class="note">${prose(each.description)}</span>`}
							</td>
						</tr>`,
				)}
			</tbody>
		</table>`;
}

function body({ requestBody }: Operation): Html {
	if (requestBody === undefined) return html``;
	const { required, description, content } = requestBody;
	const json = (content['application/json']?.['schema'] ?? {}) as Json;
	const words = description ?? (required ? '' : 'May be left out.');
	return html`<h4>Body</h4>
		${words === '' ? '' : html`<p>${prose(words)}</p>`}${
			Object.keys(json).length === 0 ? '' : schemaTable(json)
		}`;
}

function answer([status, response]: [string, Json]): Html {
	const content = Object.entries((response['content'] ?? {}) as Record<string, { schema?: Json }>);
	const shapes = content
		.filter(([type]) => type !== 'application/problem+json')
		.map(([type, { schema }]) =>
			type === 'application/json' && schema !== undefined && Object.keys(schema).length > 0
				? shape(schema)
				: html`<code>${type}</code>`,
		);
	return html`<tr class="${Number(status) < 400 ? 'good' : 'bad'}">
		<th scope="row">${status}</th>
		<td>
			${prose(String(response['description']))}${
				shapes.length === 0 ? '' : html` <span class="shape">${separated(shapes, ', ')}</span>`
			}
		</td>
	</tr>`;
}

/** A page of a list is told by what is on it. */
function shape(schema: Json): Html {
	const items = (schema['properties'] as Record<string, Json> | undefined)?.['items'];
	return items === undefined ? typeWords(schema) : html`page: ${typeWords(items)}`;
}
