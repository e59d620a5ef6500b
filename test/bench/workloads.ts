import { api, download } from './api/main.ts';
import { channels } from './channels/main.ts';
import { cluster } from './cluster.ts';
import { drain, memory } from './drains.ts';
import { formats } from './formats/main.ts';
import { hour } from './growth/hour.ts';
import { growth } from './growth/main.ts';
import { idle } from './idle/main.ts';
import { large } from './large.ts';
import { manyRows } from './many-rows.ts';
import { path } from './path/main.ts';
import { results } from './results.ts';
import { timers } from './timers/main.ts';
import { timing } from './timing.ts';
import type { Workload } from './workload.ts';

const FORMAT_ROWS = 500_000;
const MANY_ROWS = 10_000_000;

/** What can be measured, by name; the order is that of the help. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
	noop: drain('noop', 50_000, 'drains 50,000 runs that do nothing'),
	post: drain('post', 20_000, 'drains 20,000 runs that each POST to another process'),
	memory,
	cluster,
	idle,
	w2: timers,
	w3: path,
	w4: growth,
	hour,
	api,
	download,
	results,
	timing: {
		about:
			'the next instant from a pattern, beside croner and cron-parser; previews; memory of timings',
		usesPeers: false,
		inSmoke: false,
		run: ({ say }) => Promise.resolve(timing({ say })),
	},
	formats: {
		about:
			'500,000 rows of ten columns (PDF: 100,000) in each format, beside exceljs, csv-stringify, ' +
			"pdfkit's tables and hyparquet-writer; what of it is parsing, formatting, compression",
		usesPeers: true,
		inSmoke: false,
		run: ({ runs, rounds, peers, say }) =>
			Promise.resolve(
				formats({ rows: runs ?? FORMAT_ROWS, rounds: rounds ?? 3, peers: peers.length > 0, say }),
			),
	},
	rows: {
		about:
			'10 million rows of NDJSON through the engine into CSV and Parquet, with its peak of memory',
		usesPeers: false,
		inSmoke: false,
		run: ({ runs, say }) => manyRows({ rows: runs ?? MANY_ROWS, say }),
	},
	channels: {
		about:
			'5,000 small deliveries and one of 1 GB by each channel, beside the bare client in a loop',
		usesPeers: false,
		inSmoke: false,
		run: ({ channels: names, rounds, megabytes, runs, profile, say }) =>
			channels({
				names,
				rounds: rounds ?? 3,
				megabytes,
				deliveries: runs ?? undefined,
				profile,
				say,
			}),
	},
	large: {
		about: "a result of 1 GB through CSV to a webhook and a link, with the engine's peak of memory",
		usesPeers: false,
		inSmoke: true,
		run: ({ megabytes, smoke, say }) => large({ megabytes: smoke ? 20 : megabytes, say }),
	},
};
