import type { Channel } from '../channels/channel.port.ts';
import { AUTO_FORMAT } from '../contract/delivery.ts';
import type { Destination } from '../contract/destination.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { furtherFiles } from '../contract/packaging.ts';
import type { Delivery, Run } from '../contract/run.ts';
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

/** What a delivery would bring to a destination, as far as it is known: bytes that are kept are known in all. */
export function intendedOf(
	{ target, artifact }: Pick<Delivery, 'target' | 'artifact'>,
	{ capability }: Pick<Run, 'capability'>,
): Intended {
	if (artifact?.formats !== undefined) {
		const { filename, formats } = artifact;
		return { capability, filename, formats };
	}
	const named = [target, ...furtherFiles(target.package)].map(({ format }) => format);
	// bytes of which nobody wrote down what they are may be anything; what is still to be rendered is judged then
	const formats = artifact === null ? named.filter((format) => format !== AUTO_FORMAT) : named;
	return { capability, filename: artifact?.filename, formats };
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
