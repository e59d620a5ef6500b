import { loadConfig } from '../config.ts';
import type { Config } from '../config.ts';
import { VERSION } from '../version.ts';
import type { Globals } from './arguments.ts';
import { saveCompileCache } from './compile-cache.ts';
import { EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { openEngine } from './open-engine.ts';
import { giveBackWhileResting } from './rest.ts';
import { note, say, strong } from './terminal.ts';

/** What a shell says of a process that a signal ended: 128 and its number. */
const FORCED = { SIGINT: 130, SIGTERM: 143 } as const;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs the engine until a signal; resolves when it has drained. */
export async function start({ json }: Globals): Promise<ExitCode> {
	const config = loadConfig(undefined, { terminal: process.stderr.isTTY });
	const stopped = firstSignal();
	const engine = await openEngine(config);
	const { url, firstKey } = engine;
	if (json === true) {
		const { dataDir, roles } = config;
		say(JSON.stringify({ url, dataDir, firstKey, pid: process.pid, version: VERSION, roles }));
	} else {
		greet(config, { url, firstKey });
	}
	saveCompileCache();
	const { store, clock } = engine.context;
	const stopLooking = giveBackWhileResting(
		async () => ((await store.nextTimerAt()) ?? Infinity) - clock.now(),
	);
	const signal = await stopped;
	stopLooking();
	if (json !== true) note(`${signal}: finishing what is running; once more to exit at once`);
	await engine.stop(signal);
	return EXIT.ok;
}

/** The first signal asks for a drain; a second one ends the process, whatever is going on. */
function firstSignal(): Promise<string> {
	return new Promise((resolve) => {
		let asked = false;
		for (const signal of SIGNALS) {
			process.on(signal, () => {
				if (asked) process.exit(FORCED[signal]);
				asked = true;
				resolve(signal);
			});
		}
	});
}

function greet(config: Config, { url, firstKey }: { url: string; firstKey: string | null }): void {
	const lines = [
		`${strong('CapScheduler')} ${VERSION}`,
		'',
		`  data     ${config.dataDir}`,
		`  address  ${url}`,
		`  docs     ${url}/docs`,
	];
	if (!config.roles.includes('api')) {
		say([...lines.slice(0, -1), `  roles    ${config.roles.join(', ')}`, ''].join('\n'));
		return;
	}
	if (firstKey !== null) {
		lines.push(
			`  key      ${firstKey}`,
			'           the first admin key; it is shown this once, so keep it',
		);
	}
	if (config.allowLoopback) {
		lines.push(
			'',
			'Only this machine can reach it, so capabilities on this machine may be called.',
		);
	}
	lines.push('', ...nextSteps({ url, firstKey, loopback: config.allowLoopback }), '');
	say(lines.join('\n'));
}

const AUTH = '-H "authorization: Bearer $KEY"';
const JSON_TYPE = '-H content-type:application/json';

/**
 * Lines that work as they are. The capability is the engine's own health check: the one HTTP endpoint that is there
 * for certain. It can only be called while loopback targets are allowed.
 */
export function nextSteps(options: {
	url: string;
	firstKey: string | null;
	loopback: boolean;
}): string[] {
	const { url, firstKey, loopback } = options;
	const variables = [
		`  URL=${url}`,
		`  KEY=${firstKey ?? 'csk_...   # the key that the first start printed'}`,
	];
	if (!loopback) {
		return [
			'Next: see what is registered.',
			'',
			...variables,
			`  curl ${AUTH} "$URL/v1/capabilities"`,
		];
	}
	const capability = JSON.stringify({
		binding: { type: 'http', url: `${url}/healthz`, method: 'GET', envelope: false },
		actions: { check: {} },
	});
	const schedule = JSON.stringify({ action: 'check', frequency: 'every 10s' });
	return [
		'Paste this to register a capability (the health check of this engine), schedule it, and look at its runs:',
		'',
		...variables,
		`  curl ${AUTH} ${JSON_TYPE} -X PUT "$URL/v1/capabilities/health" -d '${capability}'`,
		`  curl ${AUTH} ${JSON_TYPE} "$URL/health/schedule" -d '${schedule}'`,
		`  curl ${AUTH} "$URL/v1/runs"`,
	];
}
