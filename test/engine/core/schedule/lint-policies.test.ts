import { describe, expect, it } from '@jest/globals';

import { policiesSchema } from '../../../../engine/contract/policies.ts';
import type { Timing } from '../../../../engine/contract/timing.ts';
import type { LintContext } from '../../../../engine/core/schedule/lint-policies.ts';
import { lintPolicies } from '../../../../engine/core/schedule/lint-policies.ts';

const FROM = Date.UTC(2027, 0, 1);
const every = (ms: number): Timing => ({ kind: 'every', every: ms, anchor: FROM, timeZone: 'UTC' });
const cron = (text: string): Timing => ({ kind: 'cron', cron: text, timeZone: 'UTC' });
const once: Timing = { kind: 'at', at: FROM + 1000, timeZone: 'UTC' };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function lint(
	timing: Timing | null,
	policies: object,
	more: Partial<LintContext> = {},
): { errors: string[]; warnings: string[]; all: { code: string; message?: string }[] } {
	const found = lintPolicies(timing, policiesSchema.parse(policies), { from: FROM, ...more });
	return {
		errors: found.errors.map(({ code }) => code),
		warnings: found.warnings.map(({ code }) => code),
		all: [...found.errors, ...found.warnings],
	};
}

/** A timing, policies, and what is close to them and right. */
type Case = [code: string, timing: Timing | null, policies: object, right: object, more?: object];

describe('a contradiction is refused, and its neighbour is not', () => {
	const cases: Case[] = [
		['HEARTBEAT_NOT_SHORTER', null, { heartbeat: '5m' }, { heartbeat: '299s' }],
		[
			'HEARTBEAT_NOT_SHORTER',
			null,
			{ heartbeat: '2s', timeout: '1s' },
			{ heartbeat: '2s', timeout: '3s' },
		],
		[
			'CATCH_UP_CANCELS_ITSELF',
			every(HOUR),
			{ overlap: 'cancel_other', catchUp: { mode: 'all' } },
			{ overlap: 'cancel_other', catchUp: { mode: 'latest' } },
		],
		[
			'CATCH_UP_WINDOW_CLOSED',
			every(HOUR),
			{ catchUp: { window: '15s' } },
			{ catchUp: { window: '16s' } },
		],
		[
			'RETRY_AFTER_SLA',
			every(HOUR),
			{ sla: { deliveredWithin: '1m' }, retry: { delay: '61s' } },
			{ sla: { deliveredWithin: '1m' }, retry: { delay: '61s', attempts: 1 } },
		],
	];
	it.each(cases)('%s', (code, timing, wrong, right) => {
		expect(lint(timing, wrong).errors).toEqual([code]);
		expect(lint(timing, right).errors).toEqual([]);
	});

	it('JITTER_ON_ONE_SHOT', () => {
		const jitter = { max: 5000, per: 'schedule' } as const;
		expect(lint({ ...once, jitter }, {}).errors).toEqual(['JITTER_ON_ONE_SHOT']);
		expect(lint({ ...every(HOUR), jitter }, {}).errors).toEqual([]);
	});

	it('names the place, what would be right and what came', () => {
		const { errors } = lintPolicies(null, policiesSchema.parse({ heartbeat: '10m' }), {
			from: FROM,
		});
		expect(errors).toEqual([
			{
				code: 'HEARTBEAT_NOT_SHORTER',
				path: 'policies.heartbeat',
				expected: 'less than policies.timeout, which is 5m',
				received: '10m',
			},
		]);
	});

	it('refuses a window that `mode: none` never asks for where it is read', () => {
		const parsed = policiesSchema.safeParse({ catchUp: { mode: 'none', window: '1h' } });
		expect(parsed.error?.issues).toMatchObject([{ path: ['catchUp', 'window'] }]);
		expect(policiesSchema.parse({ catchUp: { mode: 'none' } }).catchUp.window).toBe(DAY);
	});
});

describe('a surprise is told, and what is as it seems is not', () => {
	const slow = { timeout: '10m' };
	const many = { overlap: 'allow_all', timeout: '1m' };
	const cases: Case[] = [
		['SHORTER_THAN_TIMEOUT', every(MINUTE), {}, { timeout: '59s', retry: { attempts: 1 } }],
		['SHORTER_THAN_TIMEOUT', cron('*/5 9-16 * * 1-5'), slow, { timeout: '1m' }],
		[
			'RETRIES_BEYOND_INTERVAL',
			every(MINUTE),
			{ timeout: '10s', retry: { delay: '20s' } },
			{ timeout: '10s' },
		],
		[
			'BUFFER_GROWS',
			every(MINUTE),
			{ overlap: 'buffer_all' },
			{ overlap: 'buffer_all', timeout: '1m' },
		],
		[
			'BUFFER_GROWS',
			cron('*/5 * * * *'),
			{ ...slow, overlap: 'buffer_all' },
			{ overlap: 'buffer_all' },
		],
		[
			'CANCELS_BEFORE_END',
			every(MINUTE),
			{ overlap: 'cancel_other' },
			{ overlap: 'cancel_other', timeout: '30s' },
		],
		['ABOVE_CONCURRENCY', every(2000), { ...many, timeout: '5m' }, many, { concurrency: 128 }],
		[
			'ABOVE_KEY_LIMIT',
			every(1440 * MINUTE),
			{ ...many, timeout: '25h', concurrencyKey: 'crm' },
			{ ...many, timeout: '1d', concurrencyKey: 'crm' },
		],
		[
			'ABOVE_KEY_LIMIT',
			cron('* * * * *'),
			{ ...many, timeout: '2m', concurrencyKey: 'crm' },
			{ ...many, timeout: '2m', concurrencyKey: { key: 'crm', limit: 2 } },
			{ concurrency: 128 },
		],
		[
			'KEY_LIMIT_ABOVE_CONCURRENCY',
			null,
			{ concurrencyKey: { key: 'crm', limit: 9 } },
			{ concurrencyKey: { key: 'crm', limit: 8 } },
			{ concurrency: 8 },
		],
		['CATCH_UP_WINDOW_SHORT', cron('0 9 * * 1'), {}, { catchUp: { window: '7d' } }],
		[
			'CATCH_UP_FLOOD',
			every(MINUTE),
			{ ...{ timeout: '10s', retry: { attempts: 1 } }, catchUp: { mode: 'all' } },
			{ ...{ timeout: '10s', retry: { attempts: 1 } }, catchUp: { mode: 'all', window: '12h' } },
		],
		['PAUSE_ON_ONE_SHOT', once, { pauseOnFailure: true }, {}],
		['PAUSE_ON_ONE_SHOT', { ...every(HOUR), limit: 1 }, { pauseOnFailure: 3 }, {}],
		[
			'HELD_RUN_BLOCKS',
			every(HOUR),
			{ onUnknown: 'manual' },
			{ onUnknown: 'manual', overlap: 'allow_all' },
		],
		['RETRY_ON_NOTHING', null, { retry: { on: [] } }, { retry: { on: [], attempts: 1 } }],
		[
			'RETRIES_BEYOND_SLA',
			null,
			{ sla: { deliveredWithin: '5m' }, retry: { attempts: 10 } },
			{ sla: { deliveredWithin: '5m' } },
		],
		[
			'SLA_SHORTER_THAN_TIMEOUT',
			null,
			{ sla: { deliveredWithin: '4m' } },
			{ sla: { deliveredWithin: '5m' } },
		],
		['HEARTBEAT_WITHOUT_CALLBACK', null, { heartbeat: '30s' }, {}, { canCallBack: false }],
	];
	it.each(cases)('%s: %j', (code, timing, surprising, plain, more = {}) => {
		expect(lint(timing, surprising, more)).toMatchObject({ errors: [], warnings: [code] });
		expect(lint(timing, plain, more)).toMatchObject({ errors: [], warnings: [] });
	});

	it('tells the values that it went by', () => {
		const messages = lint(every(MINUTE), {}).all.map(({ message }) => message);
		expect(messages).toEqual([
			'due every 1m, but a run may take 5m (timeout): what falls due meanwhile is skipped (overlap "skip")',
		]);
	});

	it('says nothing of a daily schedule with default policies', () => {
		expect(lint(cron('0 9 * * *'), {}, { concurrency: 128, canCallBack: true }).all).toEqual([]);
		expect(lint(cron('0 9 * * 1-5'), {}, { concurrency: 128, canCallBack: true }).all).toEqual([]);
	});

	it('goes by the whole day where the mean counts', () => {
		const busyHour = cron('* 9 * * *');
		expect(lint(busyHour, { overlap: 'buffer_all' }).warnings).toEqual([]);
		expect(lint(busyHour, { overlap: 'buffer_all', timeout: '30m' }).warnings).toEqual([
			'BUFFER_GROWS',
		]);
	});
});
