import { monitorEventLoopDelay } from 'node:perf_hooks';

import { createFamily } from './family.ts';
import type { Family } from './family.ts';
import type { GaugeName, HistogramName, MetricName, Metrics } from './observe.port.ts';

/*
 * Prometheus' text exposition (version 0.0.4). Our own because the set is closed and small: a count is one look into
 * a Map, and no dependency is needed (prom-client brings OpenTelemetry's API and a t-digest).
 */

const COUNTERS = {
	capscheduler_occurrences_total: 'Occurrences that got their outcome, by outcome.',
	capscheduler_runs_total: 'Runs that reached a terminal state, by state.',
	capscheduler_sla_total: 'Runs and occurrences with an SLA, by whether it was met or missed.',
	capscheduler_deliveries_total: 'Changes of deliveries, by the state that they reached.',
	capscheduler_notifications_total: 'Changes of notifications, by the state that they reached.',
	capscheduler_http_requests_total: 'API requests, by method, route and status.',
	capscheduler_fenced_writes_total: 'Writes refused because another epoch holds the row.',
	capscheduler_link_downloads_total: 'Downloads by result link.',
	capscheduler_circuit_changes_total: 'Circuits of destinations that changed, by their new state.',
	capscheduler_deliveries_held_total:
		'Deliveries that were due and had to wait, by why: circuit, rate, parallel, share.',
	capscheduler_alerts_total: 'Alerts raised, by kind.',
	capscheduler_faults_total:
		'Faults of the engine itself, by place: each is a bug or a broken machine.',
} as const satisfies Record<MetricName, string>;

const HISTOGRAMS = {
	capscheduler_lateness_seconds: 'From the instant of an occurrence to its run being made.',
	capscheduler_attempt_seconds:
		'How long attempts of runs took; the count is the number of attempts.',
	capscheduler_delivery_seconds: 'How long attempts of deliveries took.',
	capscheduler_http_request_seconds: 'How long API requests took.',
} as const satisfies Record<HistogramName, string>;

const GAUGES = {
	capscheduler_runs_in_flight: 'Runs that this engine is carrying out.',
	capscheduler_circuits_open: 'Destinations that this engine knows to be failing.',
	capscheduler_timers: 'Timers in the store.',
	capscheduler_event_loop_delay_seconds:
		'99th percentile of the delay of the event loop since the last scrape.',
} as const satisfies Record<GaugeName, string>;

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface EngineMetrics extends Metrics {
	/** Ends the watch on the event loop. */
	close(): void;
}

export function createMetrics(options: { version: string }): EngineMetrics {
	const counters = families(COUNTERS, 'counter');
	const histograms = families(HISTOGRAMS, 'histogram');
	const gauges = new Map<GaugeName, () => number | Promise<number>>();
	const delay = monitorEventLoopDelay({ resolution: 20 });
	delay.enable();
	gauges.set('capscheduler_event_loop_delay_seconds', () => {
		// the histogram measures from timer to timer, so its own resolution is no delay
		const seconds = Math.max(0, delay.percentile(99) / 1e9 - 0.02);
		delay.reset();
		return seconds;
	});

	async function renderGauges(): Promise<string> {
		const read = [...gauges].map(async ([name, value]) => {
			// a gauge that cannot be read (its store is away) is absent; the rest is still told
			const now = await Promise.resolve()
				.then(value)
				.catch(() => undefined);
			return now === undefined ? '' : single(name, 'gauge', GAUGES[name], now);
		});
		return (await Promise.all(read)).join('');
	}

	return {
		count(name, labels, by = 1) {
			counters[name].add(labels, by);
		},
		observe(name, seconds, labels) {
			histograms[name].add(labels, seconds);
		},
		gauge(name, read) {
			gauges.set(name, read);
		},
		async render() {
			const all = [...Object.values(counters), ...Object.values(histograms)];
			const body =
				`# HELP capscheduler_build_info The version of the engine.\n# TYPE capscheduler_build_info gauge\ncapscheduler_build_info{version="${options.version}"} 1\n` +
				all.map((family) => family.render()).join('') +
				(await renderGauges()) +
				processMetrics();
			return { contentType: CONTENT_TYPE, body };
		},
		close() {
			delay.disable();
		},
	};
}

function families<N extends string>(
	help: Readonly<Record<N, string>>,
	type: 'counter' | 'histogram',
): Record<N, Family> {
	const buckets = type === 'histogram' ? BUCKETS : undefined;
	const entries = Object.entries<string>(help).map(
		([name, text]) => [name, createFamily({ name, type, help: text, buckets })] as const,
	);
	return Object.fromEntries(entries) as Record<N, Family>;
}

function single(name: string, type: 'gauge' | 'counter', help: string, value: number): string {
	return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}

/** Under the names that Prometheus' own clients use, so that common dashboards find them. */
function processMetrics(): string {
	const { user, system } = process.cpuUsage();
	const { rss, heapUsed } = process.memoryUsage();
	return (
		single('process_cpu_seconds_total', 'counter', 'CPU time spent.', (user + system) / 1e6) +
		single('process_resident_memory_bytes', 'gauge', 'Memory held.', rss) +
		single('nodejs_heap_size_used_bytes', 'gauge', 'JavaScript heap in use.', heapUsed) +
		single('process_uptime_seconds', 'gauge', 'Since the start of the process.', process.uptime())
	);
}
