import type { NotifyEvent } from '../contract/delivery.ts';
import { AUTO_FORMAT } from '../contract/delivery.ts';
import type { ResultId } from '../contract/ids.ts';
import type { Link, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import type { FollowUps } from '../core/run/follow-ups.ts';
import { followUps } from '../core/run/follow-ups.ts';
import type { Context } from './context.ts';

export const DEFAULT_LINK_LIFE = 86_400_000;

/** What the end of a run sets going; links get their secret here. */
export function makeFollowUps(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	ended: { state: NotifyEvent; resultId: ResultId | null; at: Instant },
): FollowUps {
	return followUps(run, spec, ended, {
		at: ended.at,
		newId: ctx.newId,
		notifyAfter: ctx.settings.notifyAfter,
		link: (resultId) => {
			const { link, url } = newLink(ctx, run, resultId, {
				at: ended.at,
				expiresIn: spec.delivery?.link.expiresIn ?? DEFAULT_LINK_LIFE,
				maxUses: spec.delivery?.link.maxUses ?? null,
				format: spec.delivery?.format ?? AUTO_FORMAT,
				options: spec.delivery?.options ?? {},
			});
			const seal = (id: string): string =>
				ctx.sealing.seal(url, { tenant: run.tenant, type: 'notification', id, field: 'url' });
			return { link, sealUrl: seal };
		},
	});
}

/** A result link and its URL: the secret is only in the URL, the store gets its hash. */
export function newLink(
	ctx: Pick<Context, 'newId' | 'tokens' | 'settings'>,
	run: Pick<Run, 'id' | 'tenant'>,
	resultId: ResultId,
	wish: {
		at: Instant;
		expiresIn: number;
		maxUses: number | null;
		format: string;
		options: Link['options'];
		anyFormat?: boolean;
	},
): { link: Link; url: string } {
	const id = ctx.newId('link');
	const secret = ctx.tokens.randomSecret();
	const link: Link = {
		id,
		tenant: run.tenant,
		runId: run.id,
		resultId,
		secretHash: ctx.tokens.hash(secret),
		format: wish.format,
		options: wish.options,
		anyFormat: wish.anyFormat ?? true,
		expiresAt: wish.at + wish.expiresIn,
		maxUses: wish.maxUses,
		uses: 0,
		revokedAt: null,
		createdAt: wish.at,
	};
	return { link, url: `${ctx.settings.publicUrl()}/r/${id}.${secret}` };
}
