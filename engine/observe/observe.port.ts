/** Structured logging by allow-list: only what is passed here is written, and secrets are never passed. */
export interface Logger {
	debug(message: string, fields?: LogFields): void;
	info(message: string, fields?: LogFields): void;
	warn(message: string, fields?: LogFields): void;
	error(message: string, fields?: LogFields): void;
	/** A logger that adds the fields to every line. */
	with(fields: LogFields): Logger;
}

export type LogFields = Readonly<
	Record<string, string | number | boolean | null | undefined | Error>
>;

export type Labels = Readonly<Record<string, string>>;

/** First counters; names are those of the exposition, for example `capscheduler_runs_total`. */
export interface Metrics {
	count(name: MetricName, labels?: Labels, by?: number): void;
	/** Seconds. */
	observe(name: HistogramName, seconds: number, labels?: Labels): void;
	/** Calls at scrape time. */
	gauge(name: GaugeName, read: () => number | Promise<number>): void;
	/** The text exposition. */
	render(): Promise<{ contentType: string; body: string }>;
}

export type MetricName =
	| 'capscheduler_occurrences_total'
	| 'capscheduler_runs_total'
	| 'capscheduler_sla_total'
	| 'capscheduler_deliveries_total'
	| 'capscheduler_notifications_total'
	| 'capscheduler_http_requests_total'
	| 'capscheduler_fenced_writes_total'
	| 'capscheduler_link_downloads_total'
	| 'capscheduler_circuit_changes_total'
	| 'capscheduler_deliveries_held_total'
	| 'capscheduler_alerts_total'
	| 'capscheduler_faults_total';

export type HistogramName =
	| 'capscheduler_lateness_seconds'
	| 'capscheduler_attempt_seconds'
	| 'capscheduler_delivery_seconds'
	| 'capscheduler_http_request_seconds';

export type GaugeName =
	| 'capscheduler_runs_in_flight'
	| 'capscheduler_circuits_open'
	| 'capscheduler_timers'
	| 'capscheduler_event_loop_delay_seconds';
