import { afterEach, describe, expect, it } from '@jest/globals';

import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { EngineMetrics } from '../../../engine/observe/metrics.ts';

let metrics: EngineMetrics | undefined;

function create(): EngineMetrics {
	return (metrics = createMetrics({ version: '1.2.3' }));
}

afterEach(() => {
	metrics?.close();
});

async function lines(name: string): Promise<string[]> {
	const { body } = (await metrics?.render()) ?? { body: '' };
	return body.split('\n').filter((line) => line.startsWith(name));
}

describe('metrics', () => {
	it('count by label, and by more than one', async () => {
		const { count } = create();
		count('capscheduler_runs_total', { state: 'succeeded' });
		count('capscheduler_runs_total', { state: 'succeeded' }, 2);
		count('capscheduler_runs_total', { state: 'failed' });
		count('capscheduler_fenced_writes_total');
		expect(await lines('capscheduler_runs_total')).toEqual([
			'capscheduler_runs_total{state="succeeded"} 3',
			'capscheduler_runs_total{state="failed"} 1',
		]);
		expect(await lines('capscheduler_fenced_writes_total')).toEqual([
			'capscheduler_fenced_writes_total 1',
		]);
	});

	it('sort observations into cumulative buckets', async () => {
		const { observe } = create();
		for (const seconds of [0.004, 0.2, 0.25, 1000])
			observe('capscheduler_lateness_seconds', seconds);
		const all = await lines('capscheduler_lateness_seconds');
		expect(all).toContain('capscheduler_lateness_seconds_bucket{le="0.005"} 1');
		expect(all).toContain('capscheduler_lateness_seconds_bucket{le="0.1"} 1');
		expect(all).toContain('capscheduler_lateness_seconds_bucket{le="0.25"} 3');
		expect(all).toContain('capscheduler_lateness_seconds_bucket{le="300"} 3');
		expect(all).toContain('capscheduler_lateness_seconds_bucket{le="+Inf"} 4');
		expect(all).toContain('capscheduler_lateness_seconds_count 4');
		expect(all).toContain('capscheduler_lateness_seconds_sum 1000.454');
	});

	it('read gauges at the scrape, and go on without one that cannot be read', async () => {
		const { gauge } = create();
		gauge('capscheduler_runs_in_flight', () => 7);
		gauge('capscheduler_timers', () => Promise.reject(new Error('the store is away')));
		expect(await lines('capscheduler_runs_in_flight')).toEqual(['capscheduler_runs_in_flight 7']);
		expect(await lines('capscheduler_timers')).toEqual([]);
		expect(await lines('capscheduler_event_loop_delay_seconds')).toHaveLength(1);
	});

	it('escape what a label holds', async () => {
		const { count } = create();
		count('capscheduler_faults_total', { where: 'a"b\\c\nd' });
		expect(await lines('capscheduler_faults_total')).toEqual([
			'capscheduler_faults_total{where="a\\"b\\\\c\\nd"} 1',
		]);
	});

	it('hold a bounded number of series: what comes beyond is counted together', async () => {
		const { count } = create();
		for (let i = 0; i < 5000; i++) count('capscheduler_notifications_total', { outcome: `o${i}` });
		count('capscheduler_notifications_total', { outcome: 'o1' });
		const all = await lines('capscheduler_notifications_total');
		expect(all).toHaveLength(2001);
		expect(all).toContain('capscheduler_notifications_total{overflow="true"} 3000');
		expect(all).toContain('capscheduler_notifications_total{outcome="o1"} 2');
	});

	it('are a valid exposition: every sample has a name, labels and a number, after its HELP and TYPE', async () => {
		const { count, observe, render } = create();
		count('capscheduler_http_requests_total', {
			method: 'GET',
			route: '/v1/runs/{id}',
			status: '200',
		});
		observe('capscheduler_http_request_seconds', 0.01, { method: 'GET' });
		const { body, contentType } = await render();
		expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
		const sample =
			/^([a-z_]+?)(?:_bucket|_sum|_count)?(?:\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)+\})? [0-9.e+-]+$/;
		let type = '';
		for (const line of body.trimEnd().split('\n')) {
			if (line.startsWith('# TYPE ')) type = line.split(' ')[2] ?? '';
			if (line.startsWith('#')) continue;
			expect(line).toMatch(sample);
			expect(line.startsWith(type)).toBe(true);
		}
	});
});
