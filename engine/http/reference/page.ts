import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { OpenApiDocument } from '../openapi.ts';
import type { Json } from '../openapi-schemas.ts';
import type { Route } from '../route.ts';
import type { Html } from './html.ts';
import { html, prose } from './html.ts';
import { operationSection } from './operation.ts';
import { schemaTable } from './schema.ts';

export const referenceStyle = readFileSync(join(import.meta.dirname, 'style.css'), 'utf8');

/** The reference as one page of HTML and one style sheet: no script, nothing inline, nothing from elsewhere. */
export function referencePage(document: OpenApiDocument, routes: readonly Route[]): string {
	const { info, tags, servers } = document;
	const server = servers[0]?.url ?? '';
	const groups = tags.map((tag) => ({
		...tag,
		routes: routes.filter((route) => route.tag === tag.name),
	}));
	const schemas = Object.entries((document.components['schemas'] ?? {}) as Record<string, Json>);
	const page = html`<!doctype html>
		<html lang="en">
			<head>
				<meta charset="utf-8" />
				<meta name="viewport" content="width=device-width, initial-scale=1" />
				<meta name="color-scheme" content="light dark" />
				<title>CapScheduler API</title>
				<link rel="stylesheet" href="docs/style.css" />
			</head>
			<body>
				<a class="skip" href="#content">Skip to the content</a>
				<nav aria-label="Contents">
					<p class="brand">
						<a href="#content">CapScheduler</a> <small>API ${String(info['version'])}</small>
					</p>
					${groups.map(contents)}
					<details>
						<summary>Schemas</summary>
						<ul>
							${schemas.map(([name]) => html`<li><a href="#schema-${name}">${name}</a></li>`)}
						</ul>
					</details>
				</nav>
				<main id="content">
					<h1>CapScheduler API</h1>
					${String(info['description'])
						.split('\n\n')
						.map((paragraph) => html`<p>${prose(paragraph)}</p>`)}
					<p>
						Base address <code>${server}</code> · <a href="openapi.json">OpenAPI 3.1 document</a>
					</p>
					${groups.map(
						({ name, description, routes: group }) =>
							html`<section class="group">
								<h2 id="${slug(name)}">${name}</h2>
								<p>${prose(description)}</p>
								${group.map((route) => operationSection(route, document, server))}
							</section>`,
					)}
					<section class="group">
						<h2 id="schemas">Schemas</h2>
						${schemas.map(([name, schema]) => schemaSection(name, schema))}
					</section>
				</main>
			</body>
		</html> `;
	return page.markup;
}

const slug = (name: string): string => name.toLowerCase();

function contents({ name, routes }: { name: string; routes: readonly Route[] }): Html {
	return html`<section>
		<h2><a href="#${slug(name)}">${name}</a></h2>
		<ul>
			${routes.map(
				({ id, method, path, summary }) =>
					html`<li>
						<a href="#${id}" title="${summary}"
							><span class="method ${method}">${method}</span> <span class="path">${path}</span></a
						>
					</li>`,
			)}
		</ul>
	</section>`;
}

function schemaSection(name: string, schema: Json): Html {
	const description = schema['description'];
	return html`<article class="schema" id="schema-${name}">
		<h3><a href="#schema-${name}">${name}</a></h3>
		${typeof description === 'string' ? html`<p>${prose(description)}</p>` : ''}
		${schemaTable(schema)}
	</article>`;
}
