import type { Case } from './case.ts';
import { SCHEDULE, RUN, LINK, DELIVERY, page } from './case.ts';

export const RUNS: Case[] = [
	{
		name: 'run: get',
		parameters: { resource: 'run', operation: 'get', runId: RUN },
		request: ['get', `/v1/runs/${RUN}`],
		reply: { id: RUN },
		items: [{ id: RUN }],
	},
	{
		name: 'run: getAll',
		parameters: { resource: 'run', operation: 'getAll', limit: 3, filters: { state: 'failed' } },
		request: ['get', '/v1/runs?state=failed&limit=3'],
		reply: page({ id: RUN }),
		items: [{ id: RUN }],
	},
	...['cancel', 'rerun'].map((operation): Case => ({
		name: `run: ${operation}`,
		parameters: { resource: 'run', operation, runId: RUN },
		request: ['post', `/v1/runs/${RUN}/${operation}`],
		reply: { id: RUN },
		items: [{ id: RUN }],
	})),
	{
		name: 'link: create',
		parameters: {
			resource: 'link',
			operation: 'create',
			runId: RUN,
			format: 'csv',
			options: { expiresIn: '2h', maxUses: 3 },
		},
		request: ['post', `/v1/runs/${RUN}/links`, { expiresIn: '2h', maxUses: 3, format: 'csv' }],
		reply: { url: 'https://x/r/1' },
		items: [{ url: 'https://x/r/1' }],
	},
	{
		name: 'link: revoke',
		parameters: { resource: 'link', operation: 'revoke', linkId: LINK },
		request: ['delete', `/v1/links/${LINK}`],
		items: [{ id: LINK, revoked: true }],
	},
	{
		name: 'delivery: get',
		parameters: { resource: 'delivery', operation: 'get', deliveryId: DELIVERY },
		request: ['get', `/v1/deliveries/${DELIVERY}`],
		reply: { id: DELIVERY },
		items: [{ id: DELIVERY }],
	},
	{
		name: 'delivery: getAll',
		parameters: { resource: 'delivery', operation: 'getAll', limit: 1, filters: { state: 'dead' } },
		request: ['get', '/v1/deliveries?state=dead&limit=1'],
		reply: page({ id: DELIVERY }),
		items: [{ id: DELIVERY }],
	},
	{
		name: 'delivery: replay',
		parameters: { resource: 'delivery', operation: 'replay', deliveryId: DELIVERY },
		request: ['post', `/v1/deliveries/${DELIVERY}/replay`],
		reply: { id: DELIVERY },
		items: [{ id: DELIVERY }],
	},
	{
		name: 'deadLetter: getAll',
		parameters: { resource: 'deadLetter', operation: 'getAll', limit: 1 },
		request: ['get', '/v1/dead-letters?limit=1'],
		reply: page({ id: DELIVERY }),
		items: [{ id: DELIVERY }],
	},
	{
		name: 'deadLetter: replay',
		parameters: {
			resource: 'deadLetter',
			operation: 'replay',
			maximum: 7,
			filters: { scheduleId: SCHEDULE },
		},
		request: ['post', '/v1/dead-letters/replay', { limit: 7, scheduleId: SCHEDULE }],
		reply: { replayed: [DELIVERY] },
		items: [{ replayed: [DELIVERY] }],
	},
	{
		name: 'deadLetter: replayOne',
		parameters: { resource: 'deadLetter', operation: 'replayOne', deliveryId: DELIVERY },
		request: ['post', `/v1/deliveries/${DELIVERY}/replay`],
		reply: { id: DELIVERY },
		items: [{ id: DELIVERY }],
	},
];
