import type { Channel } from '../channels/channel.port.ts';
import type { Destination } from '../contract/destination.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Intended } from '../core/delivery/allow.ts';
import { whyNotAllowed } from '../core/delivery/allow.ts';
import type { Context } from './context.ts';

/** Where a channel's settings lead to. */
export function reachOf(
	channel: Channel | undefined,
	settings: JsonObject,
): Pick<Intended, 'folders' | 'recipients'> {
	return channel?.reaches?.(settings) ?? {};
}

/**
 * A destination's own settings must keep to what it allows, and rules that its channel cannot break are a mistake.
 * @throws CapError FORBIDDEN naming the rule, INVALID_REQUEST
 */
export function demandKept(
	ctx: Pick<Context, 'channels'>,
	{ channel, settings, rules }: Pick<Destination, 'channel' | 'settings' | 'rules'>,
): void {
	const reached = reachOf(ctx.channels.get(channel), settings);
	for (const rule of ['folders', 'recipients'] as const) {
		if (rules?.allow?.[rule] === undefined || reached[rule] !== undefined) continue;
		throw inputError('INVALID_REQUEST', {
			path: `allow.${rule}`,
			expected: `no such rule: the channel "${channel}" has no ${rule}`,
		});
	}
	const issue = whyNotAllowed(rules, reached);
	if (issue !== null) throw inputError('FORBIDDEN', issue);
}
