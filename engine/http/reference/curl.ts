import type { Route } from '../route.ts';

/** Ids that stand for real ones in examples. */
const SAMPLE = '01kbrj7v2x9m4c8d1e5f6g7h8j';
const SAMPLES: Record<string, string> = {
	'/v1/schedules': `sch_${SAMPLE}`,
	'/v1/runs': `run_${SAMPLE}`,
	'/v1/sessions': `run_${SAMPLE}`,
	'/v1/destinations': `dst_${SAMPLE}`,
	'/v1/deliveries': `dlv_${SAMPLE}`,
	'/v1/links': `lnk_${SAMPLE}`,
	'/v1/keys': `key_${SAMPLE}`,
};

/** The request as one would type it. */
export function curlExample(route: Route, server: string): string {
	const { example = {}, method } = route;
	const query = example.query === undefined ? '' : `?${example.query}`;
	const lines = [`curl ${flags(route)}${quoted(server + pathOf(route) + query)}`];
	if (route.auth === 'key') lines.push('-H "Authorization: Bearer $CAPSCHEDULER_KEY"');
	if (route.auth === 'session') lines.push('-H "Authorization: Bearer $SESSION_TOKEN"');
	if (route.waits === true) lines.push("-H 'Prefer: wait=30'");
	if (method === 'post' && route.auth === 'key') lines.push('-H "Idempotency-Key: $(uuidgen)"');
	if (example.body !== undefined) {
		lines.push(
			"-H 'Content-Type: application/json'",
			`-d ${quoted(JSON.stringify(example.body, null, 2))}`,
		);
	}
	return lines.join(' \\\n  ');
}

function flags({ id, method, auth, example }: Route): string {
	if (id === 'readEvents') return '-N ';
	if (auth === 'link' || id === 'getResult') return '-OJ ';
	if (method === 'get' || (method === 'post' && example?.body !== undefined)) return '';
	return `-X ${method.toUpperCase()} `;
}

function pathOf({ path, example }: Route): string {
	const sample =
		Object.entries(SAMPLES).find(([start]) => path.startsWith(start))?.[1] ?? 'reports';
	return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => example?.params?.[name] ?? sample);
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
